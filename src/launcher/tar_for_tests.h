// For tests: archives that tar(1) would refuse to make.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <functional>
#include <string>

namespace osb::launcher::test {

class Tar {
 public:
  explicit Tar(int (*filter)(archive*) = nullptr) : archive_(archive_write_new()) {
    archive_write_set_format_pax(archive_);
    if (filter) filter(archive_);
    archive_write_set_bytes_in_last_block(archive_, 1);
    archive_write_open(archive_, &bytes_, nullptr, &Tar::append, nullptr);
  }
  using Tweak = std::function<void(archive_entry*)>;
  Tar& add(const std::string& name, unsigned type, const std::string& content = {}, mode_t mode = 0644,
           Tweak tweak = {}) {
    ::setlocale(LC_CTYPE, "C.UTF-8");  // the writer needs it for pax names; the importer must not
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, mode);
    archive_entry_set_mtime(entry, 1'000'000'000, 0);
    if (type == AE_IFREG) archive_entry_set_size(entry, static_cast<int64_t>(content.size()));
    if (tweak) tweak(entry);
    archive_write_header(archive_, entry);
    if (type == AE_IFREG) archive_write_data(archive_, content.data(), content.size());
    archive_entry_free(entry);
    ::setlocale(LC_CTYPE, "C");
    return *this;
  }
  Tar& file(const std::string& name, const std::string& content = "x", mode_t mode = 0644) {
    return add(name, AE_IFREG, content, mode);
  }
  Tar& directory(const std::string& name, mode_t mode = 0755) { return add(name, AE_IFDIR, {}, mode); }
  Tar& symlink(const std::string& name, const std::string& target) {
    return add(name, AE_IFLNK, {}, 0777,
               [&](archive_entry* e) { archive_entry_set_symlink(e, target.c_str()); });
  }
  Tar& link(const std::string& name, const std::string& target) {
    return add(name, AE_IFREG, {}, 0644, [&](archive_entry* e) {
      archive_entry_set_size(e, 0);
      archive_entry_set_hardlink(e, target.c_str());
    });
  }
  std::string finish() {
    archive_write_close(archive_);
    archive_write_free(archive_);
    archive_ = nullptr;
    return std::move(bytes_);
  }

 private:
  static la_ssize_t append(archive*, void* self, const void* data, size_t size) {
    static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }
  archive* archive_;
  std::string bytes_;
};

}  // namespace osb::launcher::test
