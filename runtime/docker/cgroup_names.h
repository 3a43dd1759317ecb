#pragma once

#include <string>

namespace slipway::runtime {

/// How an attempt's cgroup is called: plain directories, or slices where systemd keeps the tree.
struct CgroupNames {
  std::string prefix;    ///< "slipway"
  std::string instance;  ///< two daemons on one host never see each other's
  bool systemd = false;

  std::string root_slice() const;  ///< the unit of root(), with systemd
  std::string root() const;        ///< path under which all attempts' cgroups are
  std::string path_of(const std::string& container_name) const;            ///< "/slipway/node-1/slipway-…-1"
  std::string parent_for_engine(const std::string& container_name) const;  ///< HostConfig.CgroupParent
  std::string name_of(const std::string& child) const;  ///< container name of a directory below root()
};

}  // namespace slipway::runtime
