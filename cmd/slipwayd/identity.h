#pragma once

#include <string>

#include "api/result.h"

namespace slipway {

/// Who this node is, kept in its state directory, and the lock that keeps a second daemon out of it.
class Identity {
 public:
  /// Creates the directory if need be, takes its lock and reads or makes the instance id and the name.
  /// Conflict: another slipwayd holds the directory. Invalid: the directory or the name cannot be used, and
  /// why.
  static Result<Identity> open(const std::string& state_dir, const std::string& wanted_name);

  Identity(Identity&& other) noexcept
      : lock_(other.lock_),
        instance_id_(std::move(other.instance_id_)),
        node_name_(std::move(other.node_name_)) {
    other.lock_ = -1;
  }
  Identity& operator=(Identity&&) = delete;
  ~Identity();

  const std::string& instance_id() const { return instance_id_; }
  const std::string& node_name() const { return node_name_; }

 private:
  Identity() = default;
  int lock_ = -1;
  std::string instance_id_;
  std::string node_name_;
};

}  // namespace slipway
