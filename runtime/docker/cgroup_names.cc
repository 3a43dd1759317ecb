#include "runtime/docker/cgroup_names.h"

#include <algorithm>

namespace slipway::runtime {
namespace {

constexpr std::string_view kSlice = ".slice";

/// A dash in a slice's name means "child of", so ours are written as underscores.
std::string flat(std::string text) {
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

}  // namespace

std::string CgroupNames::root_slice() const {
  return flat(prefix) + "-" + flat(instance) + std::string(kSlice);
}

std::string CgroupNames::root() const {
  if (!systemd) return "/" + prefix + "/" + instance;
  return "/" + flat(prefix) + ".slice/" + root_slice();
}

std::string CgroupNames::parent_for_engine(const std::string& container_name) const {
  if (!systemd) return path_of(container_name);
  return flat(prefix) + "-" + flat(instance) + "-" + flat(container_name) + std::string(kSlice);
}

std::string CgroupNames::path_of(const std::string& container_name) const {
  return root() + "/" + (systemd ? parent_for_engine(container_name) : container_name);
}

std::string CgroupNames::name_of(const std::string& child) const {
  if (!systemd) return child;
  const std::string head = flat(prefix) + "-" + flat(instance) + "-";
  if (!child.starts_with(head) || !child.ends_with(kSlice)) return {};
  std::string name = child.substr(head.size(), child.size() - head.size() - kSlice.size());
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace slipway::runtime
