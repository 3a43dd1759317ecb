#include "cmd/slipway/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

namespace fs = std::filesystem;

Error cannot_read(const std::string& path, int code) {
  return {ErrorClass::Invalid, "cannot read " + path + ": " + std::strerror(code)};
}

Result<std::string> read_descriptor(int descriptor, const std::string& path, std::size_t most) {
  std::string bytes;
  char buffer[65536];
  while (true) {
    const auto got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() > most) {
      return Error{ErrorClass::Invalid, path + " is larger than " + std::to_string(most) + " bytes"};
    }
  }
}

// The files a path stands for.
std::vector<std::string> expand(const std::string& path) {
  std::error_code error;
  if (path == "-" || !fs::is_directory(path, error)) return {path};
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json")
      found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  return found;
}

YamlFile failed(const std::string& path, const std::string& message) {
  YamlFile file;
  file.errors.push_back({path, {}, "", message});
  return file;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most) {
  if (path == "-") return read_descriptor(STDIN_FILENO, "standard input", most);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_read(path, errno);
  auto bytes = read_descriptor(descriptor, path, most);
  ::close(descriptor);
  return bytes;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  std::error_code ignored;
  // What is no file (/dev/stdout, a pipe) is written as it stands.
  const bool direct = fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
  const auto target = direct ? path : path + ".slipway-part";
  const int descriptor = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool good = descriptor >= 0;
  while (good && !bytes.empty()) {
    const auto put = ::write(descriptor, bytes.data(), bytes.size());
    good = put > 0 || (put < 0 && errno == EINTR);
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (descriptor >= 0) good = ::close(descriptor) == 0 && good;
  if (good && !direct) good = ::rename(target.c_str(), path.c_str()) == 0;
  if (good) return {};
  const int code = errno;
  if (!direct) ::unlink(target.c_str());
  return Error{ErrorClass::Invalid, "cannot write " + path + ": " + std::strerror(code)};
}

ObjectsOrErrors load_objects(const std::vector<std::string>& paths) {
  std::vector<YamlFile> files;
  for (const auto& path : paths) {
    const auto expanded = expand(path);
    if (expanded.empty()) files.push_back(failed(path, "no *.yaml, *.yml or *.json file in this directory"));
    for (const auto& name : expanded) {
      const auto text = read_file(name, kMostYamlBytes);
      files.push_back(text ? parse_yaml(*text, name == "-" ? "stdin" : name)
                           : failed(name, text.error().message));
    }
  }
  auto answer = parse_objects(files);
  if (answer.errors.empty() && answer.objects.empty()) {
    answer.errors.push_back({paths.empty() ? "" : paths.front(), {}, "", "holds no document"});
  }
  return answer;
}

ObjectsOrErrors load_named_objects(const std::vector<std::string>& paths, const std::string& verb) {
  auto loaded = load_objects(paths);
  for (const auto& object : loaded.objects) {
    if (object.generate_name.empty()) continue;
    loaded.errors.push_back({object.file, object.place, "metadata.generateName",
                             verb + " needs a name it can find again; use `slipway create -f`"});
  }
  return loaded;
}

int report(const std::vector<SourceError>& errors) {
  for (const auto& error : errors) fail(to_string(error));
  if (errors.size() > 1) say(std::to_string(errors.size()) + " errors; nothing was written");
  return 1;
}

}  // namespace slipway::cli
