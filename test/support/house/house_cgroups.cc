#include "test/support/house/house_cgroups.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

/// The instance's cgroup in each hierarchy of either version, where there is one.
std::vector<fs::path> roots(const std::string& instance) {
  std::vector<fs::path> found;
  std::error_code none;
  if (instance.empty()) return found;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", none)) {
    const auto root = hierarchy.path() / "slipway" / instance;
    if (!hierarchy.is_symlink(none) && fs::is_directory(root, none)) found.push_back(root);
  }
  const auto unified = fs::path("/sys/fs/cgroup/slipway") / instance;
  if (fs::is_directory(unified, none)) found.push_back(unified);
  return found;
}

/// Children before parents.
void remove_tree(const fs::path& root) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root, none)) {
    if (entry.is_directory(none)) remove_tree(entry.path());
  }
  rmdir(root.c_str());
}

}  // namespace

HouseCgroups::~HouseCgroups() {
  for (const auto& root : roots(instance_)) remove_tree(root);
}

void HouseCgroups::learn_instance() {
  std::ifstream file(state_dir_ + "/instance_id");
  if (std::string id; std::getline(file, id)) instance_ = id;
}

void HouseCgroups::instance(std::string id) {
  while (!id.empty() && std::isspace(static_cast<unsigned char>(id.back()))) id.pop_back();
  instance_ = std::move(id);
}

std::vector<std::string> HouseCgroups::of_attempts() {
  learn_instance();
  std::vector<std::string> all;
  std::error_code none;
  for (const auto& root : roots(instance_)) {
    for (const auto& entry : fs::directory_iterator(root, none)) {
      if (entry.is_directory(none)) all.push_back(entry.path().string());
    }
  }
  return all;
}

}  // namespace slipway::test
