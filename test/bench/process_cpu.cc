#include "test/bench/process_cpu.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace slipway::bench {
namespace {

struct Stat {
  pid_t parent = 0;
  long own = 0;     ///< clock ticks
  long reaped = 0;  ///< of children that were waited for
};

std::optional<Stat> read_stat(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // the name may hold blanks and brackets
  std::string skipped;
  Stat stat;
  fields >> skipped >> stat.parent;
  for (int i = 0; i < 9; ++i) fields >> skipped;
  long user = 0, system = 0, reaped_user = 0, reaped_system = 0;
  fields >> user >> system >> reaped_user >> reaped_system;
  stat.own = user + system;
  stat.reaped = reaped_user + reaped_system;
  return stat;
}

}  // namespace

double cpu_ms(pid_t pid, bool with_children) {
  const auto self = read_stat(std::to_string(pid));
  if (!self) return 0;
  long ticks = self->own + (with_children ? self->reaped : 0);
  if (with_children)
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
      if (const auto name = entry.path().filename().string();
          name.find_first_not_of("0123456789") == std::string::npos)
        if (const auto stat = read_stat(name); stat && stat->parent == pid) ticks += stat->own;
  return 1000.0 * ticks / ::sysconf(_SC_CLK_TCK);
}

}  // namespace slipway::bench
