#pragma once

#include <string>
#include <vector>

namespace slipway::test {

/// The cgroups that a slipwayd of this instance has made, in every hierarchy. With its destruction they are
/// gone; what ran in them has to be ended before.
class HouseCgroups {
 public:
  explicit HouseCgroups(std::string state_dir) : state_dir_(std::move(state_dir)) {}
  ~HouseCgroups();
  HouseCgroups(const HouseCgroups&) = delete;
  HouseCgroups& operator=(const HouseCgroups&) = delete;

  /// Of attempts; the instance's own stays as long as it lives.
  std::vector<std::string> of_attempts();
  /// Reads who the instance is, while its state directory is there; what it has read once it keeps.
  void learn_instance();
  /// The same for one whose state directory is not on this host.
  void instance(std::string id);

 private:
  std::string state_dir_;
  std::string instance_;
};

}  // namespace slipway::test
