#include "cmd/slipway/end_words.h"

#include <cstdio>

#include "api/quantity.h"

namespace slipway::cli {
namespace {

void add(std::string& text, const std::string& what) { text += (text.empty() ? "" : ", ") + what; }

std::string object_of(const store::Standing& end) {
  std::string text;
  const auto add_image = [&] {
    if (!end.image.empty()) add(text, "image " + end.image);
  };
  if (row_of(end.reason).fault == Fault::Policy) add(text, "user " + end.user);
  add(text, "agent " + end.agent);
  switch (end.reason) {
    case Reason::CommandInvalid:
    case Reason::ImageNotFound:
    case Reason::ImageNotAllowed:
    case Reason::ImagePullFailed:
      add_image();
      break;
    case Reason::DeadlineExceeded:
      if (end.timeout) add(text, "timeout " + format_duration(*end.timeout));
      break;
    case Reason::NonZeroExit:
    case Reason::OOMKilled:
      if (end.exit_code) add(text, "exit code " + std::to_string(*end.exit_code));
      break;
    case Reason::Queued:
    case Reason::Throttled:
    case Reason::NoCapacity:
    case Reason::PullingImage:
    case Reason::Starting:
    case Reason::Retrying:
    case Reason::Running:
    case Reason::Stopping:
    case Reason::Completed:
    case Reason::OutputMissing:
    case Reason::OutputInvalid:
    case Reason::OutputTooLarge:
    case Reason::Cancelled:
    case Reason::InputInvalid:
    case Reason::InputTooLarge:
    case Reason::StartDeadlineExceeded:
    case Reason::EntitlementMissing:
    case Reason::EntitlementExpired:
    case Reason::EntitlementExhausted:
    case Reason::RateLimited:
    case Reason::QueueFull:
    case Reason::AgentNotFound:
    case Reason::AgentSuspended:
    case Reason::EngineError:
    case Reason::Interrupted:
    case Reason::ContainerLost:
    case Reason::NodeLost:
    case Reason::NodeStorageFull:
    case Reason::NodeDraining:
    case Reason::NotEnforceable:
      break;
  }
  return text;
}

}  // namespace

std::string title_of(const store::Standing& standing) {
  return "execution/" + (standing.name.empty() ? standing.id : standing.name);
}

std::string end_words(const store::Standing& end) {
  auto text = std::string(to_string(end.status));
  if (end.reason != Reason::Completed) text += ": " + std::string(to_string(end.reason));
  text += " (" + object_of(end) + ")";
  if (!end.duration_ms) return text;
  if (*end.duration_ms < 50) return text + " in less than 0.1 s";
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, " after %.1f s", static_cast<double>(*end.duration_ms) / 1000);
  return text + seconds;
}

}  // namespace slipway::cli
