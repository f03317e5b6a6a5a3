#include "execd/files/staged_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "execd/files/failure.h"

namespace osb::execd {

namespace {

bool forbidden(int err) { return err == EACCES || err == EPERM || err == EROFS; }

}  // namespace

void StagedFile::fail(std::string_view doing) const { throw file_error(doing, path_); }

bool StagedFile::can_be_nameless() { return ::access("/proc/self/fd", X_OK) == 0; }

StagedFile::StagedFile(const std::string& path, FileAttributes attributes, bool nameless)
    : path_(path), attributes_(attributes) {
  std::optional<sys::Place> place = sys::locate_target(path);
  if (!place && errno == ENOENT) {
    size_t slash = path.rfind('/');
    if (!sys::make_directories(slash == 0 ? "/" : path.substr(0, slash), 0755)) fail("making the parents of");
    place = sys::locate_target(path);
  }
  if (!place) fail("opening");
  place_ = std::move(*place);

  struct stat st{};
  if (place_.vacant) {
    // Whatever comes there meanwhile is found by the commit.
  } else if (::fstatat(place_.parent.get(), place_.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(st.st_mode)) throw bad_file("writing " + path + ": it is a directory");
    if (!S_ISREG(st.st_mode)) throw bad_file("writing " + path + ": it is not a regular file");
    before_ = st;
    require_writable();
  } else if (errno != ENOENT) {
    fail("opening");
  }
  // Content with a mode of its own is never readable by more than that, not even for a moment.
  bool changes_hands = before_ || (attributes_.mode && (attributes_.uid || attributes_.gid));
  open_hidden(changes_hands ? 0600 : attributes_.mode.value_or(0777) & 0777, nameless);
}

// By the ids and capabilities that file system calls use; kernels without that question are asked by opening.
void StagedFile::require_writable() const {
  constexpr long kFaccessat2 = 439;
  int parent = place_.parent.get();
  if (::syscall(kFaccessat2, parent, place_.name.c_str(), W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0)
    return;
  if (errno != EACCES && sys::open_at(parent, place_.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK)) return;
  if (errno == EACCES) fail("writing");
}

StagedFile::~StagedFile() {
  if (!hidden_.empty()) ::unlinkat(place_.parent.get(), hidden_.c_str(), 0);
}

void StagedFile::open_hidden(mode_t mode, bool nameless) {
  int parent = place_.parent.get();
  if (nameless) {
    fd_ = sys::open_at(parent, ".", O_TMPFILE | O_RDWR, mode);
    if (fd_) return;
  }
  for (int tries = 0; !fd_ && tries < 16; ++tries) {
    std::string name = sys::hidden_sibling(place_.name);
    fd_ = sys::open_at(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, mode);
    if (fd_)
      hidden_ = std::move(name);
    else if (errno != EEXIST)
      break;
  }
  if (fd_) return;
  int err = errno;
  if (before_ && forbidden(err)) {
    fd_ = sys::open_at(parent, place_.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat st{};
    if (fd_ && ::fstat(fd_.get(), &st) == 0 && S_ISREG(st.st_mode) && ::ftruncate(fd_.get(), 0) == 0) {
      in_place_ = true;
      return;
    }
  }
  throw file_error("creating", path_, err);
}

void StagedFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("writing");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// Owner first: a change of owner clears the set-id bits. False if the owner of before could not be kept.
bool StagedFile::give_attributes(int fd) const {
  struct stat now{};
  if (::fstat(fd, &now) != 0) fail("reading the attributes of");
  uid_t uid = attributes_.uid.value_or(before_ ? before_->st_uid : now.st_uid);
  gid_t gid = attributes_.gid.value_or(before_ ? before_->st_gid : now.st_gid);
  bool other_owner = uid != now.st_uid || gid != now.st_gid;
  if (other_owner && ::fchown(fd, uid, gid) != 0) {
    if (attributes_.uid || attributes_.gid) fail("changing the owner of");
    return false;
  }
  mode_t mode = attributes_.mode.value_or((before_ ? before_->st_mode : now.st_mode) & 07777);
  if ((other_owner || mode != (now.st_mode & 07777)) && ::fchmod(fd, mode) != 0) fail("changing the mode of");
  return true;
}

// linkat of a nameless file; false with errno. Kernels before 6.10 want a capability for the short way, and
// any kernel the identity under which the file was opened; they say ENOENT.
bool StagedFile::try_link(const std::string& name) const {
  if (::linkat(fd_.get(), "", place_.parent.get(), name.c_str(), AT_EMPTY_PATH) == 0) return true;
  if (errno != ENOENT) return false;
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd_.get());
  return ::linkat(AT_FDCWD, self, place_.parent.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

void StagedFile::commit() {
  bool kept = give_attributes(fd_.get());
  if (in_place_) return;
  if (before_ && !kept) return rewrite_in_place();
  int parent = place_.parent.get();
  if (hidden_.empty()) {
    if (!before_ && try_link(place_.name)) return;
    if (!before_ && errno != EEXIST) fail("naming");
    std::string name = sys::hidden_sibling(place_.name);
    if (!try_link(name)) fail("naming");
    hidden_ = std::move(name);
  }
  if (::renameat(parent, hidden_.c_str(), parent, place_.name.c_str()) == 0) {
    hidden_.clear();
    return;
  }
  if (errno != EBUSY) fail("replacing");
  rewrite_in_place();
}

void StagedFile::rewrite_in_place() {
  Fd out = sys::open_at(place_.parent.get(), place_.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat st{};
  if (!out || ::fstat(out.get(), &st) != 0) fail("writing");
  if (!S_ISREG(st.st_mode)) throw bad_file("writing " + path_ + ": it is not a regular file");
  if (::ftruncate(out.get(), 0) != 0) fail("writing");
  off_t at = 0;
  ssize_t n;
  while ((n = ::sendfile(out.get(), fd_.get(), &at, 1 << 20)) != 0)
    if (n < 0 && errno != EINTR) fail("writing");
  give_attributes(out.get());
}

}  // namespace osb::execd
