#include "launcher/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "base/defer.h"
#include "base/error.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr uint32_t kFirstUid = 2'000'000'000;
constexpr uint32_t kUidCount = 100'000'000;

constexpr int kLockTries = 10;

// What sandboxes of image "host" see; see host_layer.h.
bool is_shown_to_sandboxes(const std::string& path) {
  for (const char* shown : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
    if (path == shown || path.starts_with(shown + std::string("/"))) return true;
  return false;
}

bool is_server_uid(uint32_t uid) { return uid >= kFirstUid && uid < kFirstUid + kUidCount; }

// FNV-1a; only spreads paths over the range.
uint32_t uid_of_path(const std::string& path) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : path) hash = (hash ^ c) * 0x100000001b3;
  return kFirstUid + static_cast<uint32_t>((hash ^ (hash >> 32)) % kUidCount);
}

std::string canonical(const std::string& path) {
  std::error_code error;
  std::string expected = std::filesystem::weakly_canonical(path, error);
  if (is_shown_to_sandboxes(expected))
    throw Error(ErrorCode::invalid, "opening " + path + ": sandboxes of image \"host\" see what is below " +
                                        expected.substr(0, expected.find('/', 1)) + "; choose another place");
  std::filesystem::create_directories(path, error);
  if (error) throw system_error("creating directory " + path, error.value());
  std::string whole = std::filesystem::canonical(path, error);
  if (error) throw system_error("opening directory " + path, error.value());
  return whole;
}

struct stat status_of(int fd, const std::string& path) {
  struct stat st{};
  check(::fstat(fd, &st), "looking at " + path);
  return st;
}

Fd open_part(int state, const std::string& whole, const std::string& name, mode_t mode) {
  std::string path = whole + "/" + name;
  bool fresh = ::mkdirat(state, name.c_str(), mode) == 0;
  if (!fresh && errno != EEXIST) throw system_error("creating " + path);
  Fd fd = sys::try_open_beneath(state, name, O_RDONLY | O_DIRECTORY);
  if (!fd)
    throw Error(ErrorCode::invalid, "opening " + path + ": it must be a directory, and no symbolic link");
  if (fresh) check(::fchmod(fd.get(), mode), "setting the mode of " + path);
  return fd;
}

// A directory of root's that nobody else can change.
void require_ours(int fd, const std::string& path) {
  struct stat st = status_of(fd, path);
  if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error(ErrorCode::invalid,
                "opening " + path + ": it must belong to root, with no write permission for others");
}

uint32_t claim_server_part(int fd, const std::string& path, uint32_t derived) {
  struct stat st = status_of(fd, path);
  if (is_server_uid(st.st_uid)) return st.st_uid;  // as made by an earlier start, perhaps under another path
  if (st.st_uid != 0 || !sys::list_directory(fd).empty())
    throw Error(ErrorCode::invalid, "opening " + path + ": it does not belong to an OpenSandbox server");
  check(::fchown(fd, derived, derived), "handing over " + path);
  return derived;
}

}  // namespace

std::string default_state_directory() {
  if (::geteuid() == 0) return "/var/lib/opensandbox";
  if (const char* xdg = ::getenv("XDG_STATE_HOME"); xdg && *xdg == '/')
    return std::string(xdg) + "/opensandbox";
  const char* home = ::getenv("HOME");
  return std::string(home && *home ? home : "") + "/.local/state/opensandbox";
}

StateDirectory StateDirectory::open(const std::string& path, const std::string& images) {
  if (::geteuid() != 0)
    throw Error(ErrorCode::unsupported,
                "opening state directory " + path +
                    ": the native runtime needs root in this release (run it with sudo)");
  mode_t before = ::umask(022);
  Defer restore([&] { ::umask(before); });

  StateDirectory state;
  state.path_ = canonical(path);
  Fd top(check(::open(state.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
               "opening " + state.path_));
  state.server_ = open_part(top.get(), state.path_, "server", 0700);
  state.server_uid_ =
      claim_server_part(state.server_.get(), state.path_ + "/server", uid_of_path(state.path_));
  state.launcher_ = open_part(top.get(), state.path_, "launcher", 0700);
  require_ours(state.launcher_.get(), state.path_ + "/launcher");
  state.run_ = open_part(top.get(), state.path_, "run", 0755);
  require_ours(state.run_.get(), state.path_ + "/run");
  if (images.empty()) {
    state.images_path_ = state.path_ + "/images";
    state.images_ = open_part(top.get(), state.path_, "images", 0755);
  } else {
    state.images_path_ = canonical(images);
    state.images_ = Fd(
        check(::open(state.images_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening " + images));
  }
  require_ours(state.images_.get(), state.images_path_);
  return state;
}

std::string StateDirectory::open_images(const std::string& path) {
  mode_t before = ::umask(022);
  Defer restore([&] { ::umask(before); });
  std::string whole = canonical(path);
  Fd directory(check(::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening " + whole));
  require_ours(directory.get(), whole);
  return whole;
}

Fd StateDirectory::lock_for_server() const {
  // Opened by root in a directory of the server's uid: no link is followed, no pipe is waited for, and
  // nothing is written.
  Fd lock = sys::open_beneath(server(), kServerLock, O_RDONLY | O_CREAT | O_NONBLOCK, 0600);
  // More than once: the supervisor looks whether somebody holds it by holding it for a moment.
  int tries = 0;
  while (!sys::lock_file(lock.get(), sys::Lock::exclusive, false) && ++tries < kLockTries) ::usleep(20'000);
  if (tries == kLockTries)
    throw Error(ErrorCode::conflict, "starting the server: another server works on state directory " + path_ +
                                         " (stop it, or choose another one with --state)");
  return lock;
}

}  // namespace osb::launcher
