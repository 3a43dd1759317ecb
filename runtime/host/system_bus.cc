#include "runtime/host/system_bus.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace slipway::runtime {
namespace {

constexpr std::uint64_t kPatienceMicros = 5'000'000;

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};

bool is_refusal(const sd_bus_error& error) {
  for (const char* name : {SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                           SD_BUS_ERROR_AUTH_FAILED, SD_BUS_ERROR_SERVICE_UNKNOWN}) {
    if (sd_bus_error_has_name(&error, name)) return true;
  }
  return false;
}

/// Nobody listens there: a container, or a host without the bus.
bool is_absence(int code) {
  return code == -ENOENT || code == -ECONNREFUSED || code == -EACCES || code == -EPERM;
}

}  // namespace

Result<void> stop_unit_by_bus(const std::string& unit) {
  const auto failure = [&](ErrorClass error_class, const char* words) {
    return Error{error_class, "stop " + unit + ": " + words};
  };
  sd_bus* opened = nullptr;
  const int connected = sd_bus_open_system(&opened);
  const std::unique_ptr<sd_bus, CloseBus> bus(opened);
  if (connected < 0)
    return failure(is_absence(connected) ? ErrorClass::Unsupported : ErrorClass::Retry,
                   std::strerror(-connected));
  sd_bus_set_method_call_timeout(bus.get(), kPatienceMicros);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const int answered = sd_bus_call_method(bus.get(), "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                          "org.freedesktop.systemd1.Manager", "StopUnit", &error, nullptr,
                                          "ss", unit.c_str(), "replace");
  const std::unique_ptr<sd_bus_error, decltype(&sd_bus_error_free)> freed(&error, &sd_bus_error_free);
  if (answered >= 0 || sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit")) return {};
  const char* words = error.message ? error.message : std::strerror(-answered);
  return failure(is_refusal(error) ? ErrorClass::Unsupported : ErrorClass::Retry, words);
}

}  // namespace slipway::runtime
