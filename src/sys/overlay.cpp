// volatile: a sandbox does not outlive the machine, and without it every unmount writes back the whole file
// system below, which takes seconds on a busy disk. redirect_dir=nofollow and metacopy=off: what an image's
// extended attributes say must not steer path lookups. index=off: an upper directory may be mounted again at
// another path.
#include "sys/overlay.h"

#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/defer.h"
#include "base/error.h"
#include "sys/tree.h"

namespace osb::sys {

namespace {
constexpr const char* kSets[] = {",index=off,metacopy=off,redirect_dir=nofollow,volatile",
                                 ",index=off,metacopy=off,redirect_dir=nofollow", ",metacopy=off", ""};
constexpr const char* kTrial = "overlay-trial";
}  // namespace

std::string probe_overlay_options(int scratch, const std::string& mount_point) {
  int error = 0;
  for (const char* set : kSets) {
    Defer clean([scratch] { remove_tree(scratch, kTrial); });
    std::string base = "/proc/self/fd/";
    Fd lower = make_directories(scratch, std::string(kTrial) + "/lower");
    Fd upper = make_directories(scratch, std::string(kTrial) + "/upper");
    Fd work = make_directories(scratch, std::string(kTrial) + "/work");
    std::string options = "lowerdir=" + base + std::to_string(lower.get()) + ",upperdir=" + base +
                          std::to_string(upper.get()) + ",workdir=" + base + std::to_string(work.get()) + set;
    if (::mount("overlay", mount_point.c_str(), "overlay", MS_NODEV | MS_NOSUID, options.c_str()) == 0) {
      ::umount2(mount_point.c_str(), MNT_DETACH);
      return set;
    }
    error = errno;
  }
  throw system_error("mounting a trial overlay", error);
}

}  // namespace osb::sys
