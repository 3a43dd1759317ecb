#include "cmd/slipwayd/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytes = 63;

std::string read_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
bool write_line(const fs::path& path, const std::string& line) {
  const auto beside = path.string() + ".new";
  {
    std::ofstream file(beside, std::ios::trunc);
    file << line << '\n';
    if (!file.flush()) return false;
  }
  std::error_code error;
  fs::rename(beside, path, error);
  return !error;
}

bool is_dns_1123(const std::string& name) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kNameBytes || !alnum(name.front()) || !alnum(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return alnum(c) || c == '-'; });
}

std::string host_name() {
  char buffer[256] = {};
  gethostname(buffer, sizeof buffer - 1);
  std::string name;
  for (const char c : std::string(buffer)) {
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    name += std::isalnum(static_cast<unsigned char>(lower)) ? lower : '-';
  }
  name.resize(std::min(name.size(), kNameBytes));
  while (!name.empty() && name.back() == '-') name.pop_back();
  return is_dns_1123(name) ? name : "node";
}

}  // namespace

Identity::~Identity() {
  if (lock_ >= 0) close(lock_);
}

Result<Identity> Identity::open(const std::string& state_dir, const std::string& wanted_name) {
  const fs::path dir(state_dir);
  std::error_code error;
  fs::create_directories(dir, error);
  if (error)
    return Error{ErrorClass::Invalid, "state_dir: cannot create " + state_dir + ": " + error.message()};
  Identity identity;
  identity.lock_ = ::open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (identity.lock_ < 0)
    return Error{ErrorClass::Invalid,
                 "state_dir: cannot write in " + state_dir + ": " + std::strerror(errno)};
  if (flock(identity.lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorClass::Conflict,
                 "state_dir: another slipwayd (pid " + read_line(dir / "lock") + ") uses " + state_dir};
  }
  const auto pid = std::to_string(getpid()) + "\n";
  if (ftruncate(identity.lock_, 0) != 0 || write(identity.lock_, pid.data(), pid.size()) < 0) {
    return Error{ErrorClass::Invalid,
                 "state_dir: cannot write in " + state_dir + ": " + std::strerror(errno)};
  }
  identity.instance_id_ = read_line(dir / "instance_id");
  if (identity.instance_id_.empty()) {
    identity.instance_id_ = boost::uuids::to_string(boost::uuids::random_generator()());
    if (!write_line(dir / "instance_id", identity.instance_id_))
      return Error{ErrorClass::Invalid, "state_dir: cannot write in " + state_dir};
  }
  const auto kept = read_line(dir / "node_name");
  identity.node_name_ = !wanted_name.empty() ? wanted_name : !kept.empty() ? kept : host_name();
  if (!is_dns_1123(identity.node_name_)) {
    return Error{ErrorClass::Invalid,
                 "node.name: expected lower-case letters, digits and dashes (DNS-1123), got \"" +
                     identity.node_name_ + "\""};
  }
  if (kept != identity.node_name_ && !write_line(dir / "node_name", identity.node_name_)) {
    return Error{ErrorClass::Invalid, "state_dir: cannot write in " + state_dir};
  }
  return identity;
}

}  // namespace slipway
