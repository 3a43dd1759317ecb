#include "test/bench/image.h"

#include <archive.h>
#include <archive_entry.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway::bench {
namespace {

struct Freed {
  void operator()(archive* a) const { archive_write_free(a); }
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

void add(archive* tar, const std::string& path, unsigned type, unsigned mode, const std::string& bytes) {
  const std::unique_ptr<archive_entry, Freed> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), mode);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  if (archive_write_header(tar, entry.get()) != ARCHIVE_OK) throw std::runtime_error("tar header");
  if (!bytes.empty() && archive_write_data(tar, bytes.data(), bytes.size()) < 0)
    throw std::runtime_error("tar data");
}

std::string tar_of(const std::string& name, const std::string& bytes) {
  std::string buffer(bytes.size() + 64 * 1024, '\0');
  std::size_t used = 0;
  {
    const std::unique_ptr<archive, Freed> tar(archive_write_new());
    archive_write_set_format_ustar(tar.get());
    if (archive_write_open_memory(tar.get(), buffer.data(), buffer.size(), &used) != ARCHIVE_OK)
      throw std::runtime_error("tar");
    add(tar.get(), "input", AE_IFDIR, 0755, {});
    add(tar.get(), "output", AE_IFDIR, 0777, {});
    add(tar.get(), name, AE_IFREG, 0755, bytes);
    archive_write_close(tar.get());
  }
  buffer.resize(used);
  return buffer;
}

}  // namespace

std::string import_program(EngineClient& engine, const std::filesystem::path& program,
                           const std::string& repo, const std::string& tag) {
  std::ifstream file(program, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + program.string());
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  engine.must("POST", "/images/create?fromSrc=-&repo=" + repo + "&tag=" + tag,
              tar_of(program.filename(), bytes), "application/x-tar");
  return nlohmann::json::parse(engine.must("GET", "/images/" + repo + ":" + tag + "/json"))
      .at("Id")
      .get<std::string>();
}

}  // namespace slipway::bench
