#include "test/faults/crash_rig.h"

#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <stdexcept>

namespace slipway::test {
namespace {

/// The same database through a socket in another directory.
std::string moved(std::string url, const std::string& from, const std::string& to) {
  const auto at = url.find(from);
  if (at == std::string::npos) throw std::runtime_error("no socket directory in " + url);
  return url.replace(at, from.size(), to);
}

House::Options not_started(House::Options options) {
  options.start = false;
  return options;
}

}  // namespace

CrashRig::CrashRig(House::Options given)
    : house_(not_started(std::move(given))), directory_(house_.engine().dir() + "/proxy") {
  std::filesystem::create_directory(directory_);
  const auto note = [this](const std::string& name, Moment moment) { return on_point(name, moment); };
  const auto engine_socket = (directory_ / "docker.sock").string();
  engine_ = std::make_unique<Proxy>(engine_socket, house_.engine().socket_path(), engine_dialect(), note);
  const auto& postgres = house_.postgres();
  const auto file = "/.s.PGSQL." + std::to_string(postgres.port());
  database_ = std::make_unique<Proxy>(directory_.string() + file, postgres.directory().string() + file,
                                      postgres_dialect(), note);
  auto& options = house_.daemon().options();
  options.engine_socket = engine_socket;
  options.database_url = moved(house_.database_url(), postgres.directory(), directory_);
  options.more.insert(options.more.end(), {"--engine-pid-file", house_.engine().pid_file()});
}

CrashRig::~CrashRig() {
  house_.daemon().kill9();
  cut_held();
}

void CrashRig::kill_at(const Point& point) {
  const std::lock_guard lock(mutex_);
  target_ = std::make_unique<Point>(point);
  killed_ = false;
}

void CrashRig::kill_nowhere() {
  const std::lock_guard lock(mutex_);
  target_.reset();
  killed_ = false;
  seen_.clear();
}

bool CrashRig::killed() {
  const std::lock_guard lock(mutex_);
  return killed_;
}

void CrashRig::hold_at(const Point& point) {
  const std::lock_guard lock(mutex_);
  hold_ = std::make_unique<Point>(point);
}

bool CrashRig::holding() {
  const std::lock_guard lock(mutex_);
  return holding_;
}

void CrashRig::keep_holding() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
}

void CrashRig::cut_held() {
  const std::lock_guard lock(mutex_);
  hold_.reset();
  ++cuts_;
  cut_.notify_all();
}

std::vector<Point> CrashRig::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool CrashRig::on_point(const std::string& name, Moment moment) {
  std::unique_lock lock(mutex_);
  const Point point{name, moment};
  if (std::ranges::find(seen_, point) == seen_.end()) seen_.push_back(point);
  if (hold_ && *hold_ == point) {
    hold_.reset();
    holding_ = true;
    cut_.wait(lock, [this, upto = cuts_] { return cuts_ != upto; });
    return false;
  }
  if (!target_ || *target_ != point) return true;
  ::kill(house_.daemon().pid(), SIGKILL);
  target_.reset();
  killed_ = true;
  return false;
}

}  // namespace slipway::test
