#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "test/support/docker_engine/docker_engine.h"

namespace slipway::test {
namespace {

constexpr const char* kApplets[] = {
    "sh",       "cat",      "echo",     "sleep", "true",   "false", "ln",     "mkfifo", "mkdir",
    "dd",       "yes",      "head",     "tail",  "wc",     "id",    "ls",     "kill",   "touch",
    "truncate", "printf",   "seq",      "cp",    "rm",     "ip",    "wget",   "nc",     "env",
    "awk",      "tr",       "grep",     "date",  "md5sum", "ps",    "usleep", "stat",   "df",
    "mknod",    "hostname", "nslookup", "mv",    "chmod",  "mount", "od",     "test"};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void add(archive* tar, const std::string& path, unsigned type, int mode, const std::string& bytes,
         const char* link = nullptr) {
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, path.c_str());
  archive_entry_set_filetype(entry, type);
  archive_entry_set_perm(entry, static_cast<unsigned>(mode));
  archive_entry_set_size(entry, type == AE_IFREG ? static_cast<la_int64_t>(bytes.size()) : 0);
  if (link) archive_entry_set_symlink(entry, link);
  archive_write_header(tar, entry);
  if (type == AE_IFREG) archive_write_data(tar, bytes.data(), bytes.size());
  archive_entry_free(entry);
}

std::string escape(const std::string& text) {
  std::string escaped;
  char code[4];
  for (const unsigned char c : text) {
    if (std::isalnum(c)) {
      escaped += static_cast<char>(c);
    } else {
      std::snprintf(code, sizeof code, "%%%02X", c);
      escaped += code;
    }
  }
  return escaped;
}

}  // namespace

std::string busybox_tar(const std::vector<ImageFile>& files) {
  std::string out;
  archive* tar = archive_write_new();
  archive_write_set_format_ustar(tar);
  archive_write_open(tar, &out, nullptr, &append, nullptr);
  add(tar, "bin/", AE_IFDIR, 0755, {});
  const bool own_tmp =
      std::any_of(files.begin(), files.end(), [](const auto& file) { return file.path.starts_with("tmp"); });
  if (!own_tmp) add(tar, "tmp/", AE_IFDIR, 01777, {});
  add(tar, "bin/busybox", AE_IFREG, 0755, read_all("/bin/busybox"));
  for (const char* applet : kApplets) add(tar, std::string("bin/") + applet, AE_IFLNK, 0777, {}, "busybox");
  for (const ImageFile& file : files) {
    const unsigned type = file.path.ends_with('/') ? AE_IFDIR
                          : file.fifo              ? AE_IFIFO
                          : file.link.empty()      ? AE_IFREG
                                                   : AE_IFLNK;
    add(tar, file.path, type, file.mode, file.bytes, file.link.empty() ? nullptr : file.link.c_str());
  }
  archive_write_close(tar);
  archive_write_free(tar);
  return out;
}

std::string DockerEngine::import_image(const std::string& name, const std::vector<ImageFile>& files,
                                       const std::vector<std::string>& changes) {
  const std::size_t colon = name.rfind(':');
  std::string target = "/images/create?fromSrc=-&repo=" + escape(name.substr(0, colon)) +
                       "&tag=" + escape(name.substr(colon + 1));
  for (const std::string& change : changes) target += "&changes=" + escape(change);
  const EngineAnswer answer =
      request("POST", target, busybox_tar(files), {{"Content-Type", "application/x-tar"}});
  const auto image = nlohmann::json::parse(request("GET", "/images/" + name + "/json").body, nullptr, false);
  if (!image.is_object() || !image.contains("Id"))
    throw std::runtime_error("import of " + name + ": " + answer.body);
  return image["Id"];
}

}  // namespace slipway::test
