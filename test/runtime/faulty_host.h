#pragma once

#include <atomic>

#include "runtime/host/host.h"

namespace slipway::runtime {

/// This machine, of which one call fails: the n-th from the last fail_at() on. Nothing was done by then.
class FaultyHost : public Host {
 public:
  /// 0: none fails.
  void fail_at(int call, ErrorClass error_class = ErrorClass::Retry) {
    calls_ = 0;
    failing_ = call;
    error_class_ = error_class;
  }
  int calls() const { return calls_; }
  bool has_failed() const { return failing_ > 0 && calls_ >= failing_; }

  Result<PathFacts> look(const std::string& path) override {
    return fails() ? error<PathFacts>() : real_.look(path);
  }
  Result<std::string> read(const std::string& path, std::size_t cap) override {
    return fails() ? error<std::string>() : real_.read(path, cap);
  }
  Result<UntrustedFile> read_untrusted(const std::string& directory, const std::string& name,
                                       std::size_t cap) override {
    return fails() ? error<UntrustedFile>() : real_.read_untrusted(directory, name, cap);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    return fails() ? error<std::vector<DirectoryEntry>>() : real_.list(directory);
  }
  Result<Room> room(const std::string& directory) override {
    return fails() ? error<Room>() : real_.room(directory);
  }
  Result<void> make_directory(const std::string& path, mode_t mode) override {
    return fails() ? error<void>() : real_.make_directory(path, mode);
  }
  Result<void> write(const std::string& path, const std::string& bytes, mode_t mode) override {
    return fails() ? error<void>() : real_.write(path, bytes, mode);
  }
  Result<void> control(const std::string& path, const std::string& text) override {
    return fails() ? error<void>() : real_.control(path, text);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return fails() ? error<void>() : real_.rename(from, to);
  }
  Result<void> remove_directory(const std::string& path) override {
    return fails() ? error<void>() : real_.remove_directory(path);
  }
  Result<void> remove_tree(const std::string& path) override {
    return fails() ? error<void>() : real_.remove_tree(path);
  }
  Result<void> mount_tmpfs(const std::string& path, const std::string& options) override {
    return fails() ? error<void>() : real_.mount_tmpfs(path, options);
  }
  Result<void> unmount(const std::string& path, bool detach) override {
    return fails() ? error<void>() : real_.unmount(path, detach);
  }
  Result<void> kill_in_cgroup(pid_t pid, const std::string& cgroup) override {
    return fails() ? error<void>() : real_.kill_in_cgroup(pid, cgroup);
  }
  Result<void> stop_unit(const std::string& unit) override {
    return fails() ? error<void>() : real_.stop_unit(unit);
  }

 private:
  bool fails() { return ++calls_ == failing_; }
  template <class T>
  Result<T> error() const {
    return Error{error_class_, "made to fail"};
  }

  Host& real_ = posix_host();
  std::atomic<int> calls_ = 0, failing_ = 0;
  std::atomic<ErrorClass> error_class_ = ErrorClass::Retry;
};

}  // namespace slipway::runtime
