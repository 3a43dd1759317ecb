#include "runtime/docker/run_files.h"

#include "runtime/docker/create_body.h"

namespace slipway::runtime {

/// A tmpfs is a device of its own, so its root differs from the directory it is mounted in.
Result<bool> RunFiles::is_mounted(const std::string& name) const {
  const auto here = host_.look(output_dir(name));
  if (!here && here.error().error_class == ErrorClass::NotFound) return false;
  if (!here) return here.error();
  const auto above = host_.look(run_dir(name));
  if (!above) return above.error();
  return here->device != above->device;
}

/// Written beside and renamed, so that a torn file is never taken for the input.
Result<void> RunFiles::write_input(const std::string& name, const std::string& input) const {
  const std::string draft = input_dir(name) + "/.input.json";
  if (auto wrote = host_.write(draft, input, 0444); !wrote) return wrote;
  return host_.rename(draft, input_dir(name) + "/input.json");
}

Result<void> RunFiles::prepare(const std::string& name, const std::string& input, std::int64_t output_bytes,
                               int user, int group) const {
  if (auto made = host_.make_directory(runs_, 0700); !made) return made;
  if (auto made = host_.make_directory(run_dir(name), 0700); !made) return made;
  const auto away = fenced(name);
  if (!away) return away.error();
  if (*away) return Error{ErrorClass::Conflict, run_dir(name) + " is fenced"};
  const auto mounted = is_mounted(name);
  if (!mounted) return mounted.error();
  // The mount is made last and does not outlive a boot: below it the input is whole. Without it a file that
  // is there may be what a power failure has left of it.
  if (*mounted) return {};
  if (auto made = host_.make_directory(input_dir(name), 0755); !made) return made;
  if (auto wrote = write_input(name, input); !wrote) return wrote;
  if (auto made = host_.make_directory(output_dir(name), 0700); !made) return made;
  return host_.mount_tmpfs(output_dir(name), "size=" + std::to_string(output_bytes) +
                                                 ",nr_inodes=" + std::to_string(kOutputInodes) +
                                                 ",mode=0700,uid=" + std::to_string(user) +
                                                 ",gid=" + std::to_string(group));
}

Result<void> RunFiles::fence(const std::string& name) const {
  const std::string away = input_dir(name) + ".fenced";
  const auto renamed = host_.rename(input_dir(name), away);
  if (renamed || renamed.error().error_class != ErrorClass::NotFound) return renamed;
  // Nothing there means that no start can find it either. Leave the mark, so that nobody makes the directory
  // anew.
  const auto marked = fenced(name);
  if (!marked) return marked.error();
  if (*marked) return {};
  const auto here = exists(name);
  if (!here) return here.error();
  if (!*here) return Error{ErrorClass::NotFound, name + " has no directory"};
  return host_.make_directory(away, 0700);
}

Result<bool> RunFiles::exists(const std::string& name) const { return runtime::exists(host_, run_dir(name)); }

Result<bool> RunFiles::fenced(const std::string& name) const {
  const auto marked = runtime::exists(host_, input_dir(name) + ".fenced");
  if (!marked || !*marked) return marked;
  const auto input = runtime::exists(host_, input_dir(name));
  if (!input) return input.error();
  return !*input;
}

Result<bool> RunFiles::cut_off(const std::string& name) const {
  const auto here = exists(name);
  if (!here || !*here) return here;
  const auto input = runtime::exists(host_, input_dir(name));
  if (!input) return input.error();
  if (!*input) return true;
  const auto mounted = is_mounted(name);
  if (!mounted) return mounted.error();
  return !*mounted;
}

Result<void> RunFiles::read_result(const std::string& name, std::int64_t cap, Evidence& evidence) const {
  auto file = host_.read_untrusted(output_dir(name), "result.json", static_cast<std::size_t>(cap));
  if (!file && file.error().error_class == ErrorClass::NotFound) {
    evidence.result_state = Evidence::ResultState::Missing;
    return {};
  }
  if (!file && file.error().error_class == ErrorClass::Invalid) {
    evidence.result_state = Evidence::ResultState::NotRegular;
    return {};
  }
  if (!file) return file.error();
  const auto room = host_.room(output_dir(name));
  if (!room) return room.error();
  evidence.result_state = file->too_large ? Evidence::ResultState::TooLarge : Evidence::ResultState::Present;
  evidence.result = std::move(file->bytes);
  evidence.output_full = room->bytes == 0;
  return {};
}

Result<bool> RunFiles::remove(const std::string& name) const {
  // Bounded: a stack of mounts can only come from outside, but it must not make this loop endless.
  for (int i = 0; i < 8; ++i) {
    const auto mounted = is_mounted(name);
    if (!mounted && mounted.error().error_class != ErrorClass::NotFound) return mounted.error();
    if (!mounted || !*mounted) break;
    auto unmounted = host_.unmount(output_dir(name), false);
    if (!unmounted && unmounted.error().error_class == ErrorClass::Conflict)
      unmounted = host_.unmount(output_dir(name), true);
    if (!unmounted) return unmounted.error();
  }
  const auto mounted = is_mounted(name);
  if (!mounted && mounted.error().error_class != ErrorClass::NotFound) return mounted.error();
  if (mounted && *mounted) return false;
  if (auto removed = host_.remove_tree(run_dir(name)); !removed) return removed.error();
  const auto left = exists(name);
  if (!left) return left.error();
  return !*left;
}

Result<std::vector<std::string>> RunFiles::leftovers() const {
  auto entries = host_.list(runs_);
  std::vector<std::string> names;
  if (!entries && entries.error().error_class == ErrorClass::NotFound) return names;
  if (!entries) return entries.error();
  for (auto& entry : *entries) names.push_back(std::move(entry.name));
  return names;
}

}  // namespace slipway::runtime
