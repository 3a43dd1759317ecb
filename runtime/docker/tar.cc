#include "runtime/docker/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

namespace slipway::runtime {
namespace {

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void add(archive* tar, const TarEntry& file) {
  const Entry entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), file.path.c_str());
  archive_entry_set_filetype(entry.get(), file.directory ? AE_IFDIR : AE_IFREG);
  archive_entry_set_perm(entry.get(), static_cast<unsigned>(file.mode));
  archive_entry_set_uid(entry.get(), file.user);
  archive_entry_set_gid(entry.get(), file.group);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_size(entry.get(), file.directory ? 0 : static_cast<la_int64_t>(file.bytes.size()));
  archive_write_header(tar, entry.get());
  if (!file.directory) archive_write_data(tar, file.bytes.data(), file.bytes.size());
}

}  // namespace

std::string make_tar(const std::vector<TarEntry>& entries) {
  std::string out;
  const Writer tar(archive_write_new(), &archive_write_free);
  archive_write_set_format_ustar(tar.get());
  archive_write_open(tar.get(), &out, nullptr, &append, nullptr);
  for (const TarEntry& entry : entries) add(tar.get(), entry);
  archive_write_close(tar.get());
  return out;
}

TarFile read_single_file(const std::string& tar, std::int64_t cap, std::string& bytes) {
  const Reader reader(archive_read_new(), &archive_read_free);
  archive_read_support_format_tar(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return TarFile::Missing;
  }
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
    return TarFile::NotRegular;
  const std::int64_t size = archive_entry_size(entry);
  bytes.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(size, 0, cap)));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const la_ssize_t got = archive_read_data(reader.get(), bytes.data() + filled, bytes.size() - filled);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  if (size > cap) return TarFile::TooLarge;
  return static_cast<std::int64_t>(filled) == size ? TarFile::Regular : TarFile::Missing;
}

}  // namespace slipway::runtime
