#include "launcher/site.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "launcher/root_steps.h"
#include "launcher/state_directory.h"
#include "sys/overlay.h"
#include "sys/seccomp.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr uint64_t kFilesInside = 65536;
constexpr int kFirstPrivateFd = 10;

// The child puts its descriptors at 0 to 4 and closes by ranges: nothing of ours may live down there.
void occupy_low_descriptors() {
  int fd;
  do {
    fd = check(::open("/dev/null", O_RDWR | O_CLOEXEC), "opening /dev/null");
  } while (fd < kFirstPrivateFd - 1);
}

uint64_t raise_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  uint64_t hard = files.rlim_max;
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) log_warn("the limit of open files cannot be raised");
  return std::min(hard, kFilesInside);
}

// Mounts of the host still arrive here (an image directory on a disk that is mounted later), ours never
// leave.
void enter_mount_namespace() {
  check(::unshare(CLONE_NEWNS), "entering a mount namespace");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "separating mounts");
}

Fd open_directory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(fd.get(), "opening " + path);
  return fd;
}

Fd take_over(const Fd& root) {
  Fd lock(::openat(root.get(), kLauncherLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  check(lock.get(), "opening the launcher's lock");
  // A predecessor that is being killed needs a moment.
  for (int tries = 0; !sys::lock_file(lock.get(), sys::Lock::exclusive, false); tries++) {
    if (tries == 50)
      throw Error(ErrorCode::conflict, "taking the state directory over: another launcher works there");
    ::usleep(100'000);
  }
  return lock;
}

}  // namespace

std::vector<std::string> host_layer_names() {
  std::vector<std::string> names = {"usr"};
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
    struct stat info;
    if (::lstat((std::string("/") + name).c_str(), &info) == 0 && S_ISDIR(info.st_mode))
      names.push_back(name);
  }
  return names;
}

Site open_site(const LauncherOptions& options) {
  occupy_low_descriptors();
  Site site;
  site.options = options;
  site.max_files = raise_file_limit();

  std::unique_ptr<char, void (*)(void*)> real(::realpath(options.state_dir.c_str(), nullptr), ::free);
  if (!real) throw system_error("opening the state directory " + options.state_dir);
  site.names = names_for(real.get());

  enter_mount_namespace();
  Fd state(::open(real.get(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(state.get(), "opening the state directory");
  site.root = sys::make_directories(state.get(), "launcher", 0700);
  check(::fchown(site.root.get(), 0, 0), "owning STATE/launcher");
  check(::fchmod(site.root.get(), 0700), "closing STATE/launcher");
  site.lock = take_over(site.root);
  site.sandboxes = sys::make_directories(site.root.get(), "sandboxes", 0700);
  sys::spread_subdirectories(site.sandboxes.get());
  site.trash = sys::make_directories(site.root.get(), "trash", 0700);
  sys::make_directories(site.root.get(), "mnt", 0700);
  site.sandboxes_path = std::string(real.get()) + "/launcher/sandboxes";
  site.mount_point = std::string(real.get()) + "/launcher/mnt";

  if (::mkdir(options.images_dir.c_str(), 0755) != 0 && errno != EEXIST)
    throw system_error("making the image directory " + options.images_dir);
  site.images = open_directory(options.images_dir);
  site.guest = open_directory(options.guest_dir);
  site.host = open_directory(options.host_dir);
  for (const std::string& name : host_layer_names())
    site.host_layers.push_back({name, open_directory("/" + name)});
  site.null = Fd(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "opening /dev/null"));
  site.self =
      Fd(static_cast<int>(check(::syscall(SYS_pidfd_open, ::getpid(), 0), "opening the launcher's pidfd")));

  site.overlay_options = sys::probe_overlay_options(site.root.get(), site.mount_point);
  site.steps = root_steps();
  site.filter = sys::sandbox_filter();
  return site;
}

}  // namespace osb::launcher
