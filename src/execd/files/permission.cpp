#include "execd/files/permission.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "execd/files/failure.h"
#include "execd/files/mode.h"

namespace osb::execd {

namespace {

template <class Id>
std::optional<Id> id_of(const std::optional<std::string>& name, std::string_view kind,
                        std::optional<Id> found, bool lenient, const std::string& wire) {
  if (!name || name->empty() || found) return found;
  if (!lenient) throw bad_file("changing the owner: no " + std::string(kind) + " " + *name, wire);
  log_warn("owner unknown, left alone", {{"kind", kind}, {"name", *name}});
  return std::nullopt;
}

}  // namespace

FileAttributes attributes_of(const Permission& permission, const Accounts& accounts, bool lenient,
                             const std::string& wire) {
  FileAttributes out;
  if (permission.mode.value_or(0) != 0) {
    out.mode = mode_from_digits(*permission.mode);
    if (!out.mode)
      throw bad_file(
          "changing the mode: " + std::to_string(*permission.mode) + " is not one to four digits from 0 to 7",
          wire);
  }
  auto uid = permission.owner ? accounts.uid_of(*permission.owner) : std::nullopt;
  auto gid = permission.group ? accounts.gid_of(*permission.group) : std::nullopt;
  out.uid = id_of<uid_t>(permission.owner, "user", uid, lenient, wire);
  out.gid = id_of<gid_t>(permission.group, "group", gid, lenient, wire);
  return out;
}

void set_attributes(int fd, const std::string& path, const FileAttributes& attributes) {
  // Owner first: a change of owner clears the set-id bits.
  if (attributes.uid || attributes.gid) {
    uid_t uid = attributes.uid.value_or(static_cast<uid_t>(-1));
    gid_t gid = attributes.gid.value_or(static_cast<gid_t>(-1));
    if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) throw file_error("changing the owner of", path);
  }
  if (attributes.mode && sys::change_mode(fd, *attributes.mode) != 0)
    throw file_error("changing the mode of", path);
}

void set_attributes(const std::string& path, const FileAttributes& attributes) {
  Fd fd = sys::open_at(AT_FDCWD, path, O_PATH);
  if (!fd) throw file_error("changing the permissions of", path, is_missing(errno) ? ENOENT : errno);
  set_attributes(fd.get(), path, attributes);
}

void make_directory(const std::string& path, const FileAttributes& attributes) {
  bool made = false;
  Fd fd = sys::make_directories(path, 0777, &made);
  if (!fd) throw file_error("making the directory", path, errno == ENOENT ? ENOTDIR : errno);
  if (made) set_attributes(fd.get(), path, attributes);
}

}  // namespace osb::execd
