// The images of this machine: one directory per image, made by `opensandbox image import`, used by launchers.
//
//   <images>/<encoded name>/rootfs/      0700: nobody but root reaches the image's setuid programs from
//   outside <images>/<encoded name>/image.json   ImageInfo <images>/<encoded name>/lock         flock: shared
//   while a sandbox uses the image, exclusive while it goes away <images>/.import-<random>/ half-made or on
//   its way out; its lock is held as long as somebody works on it <images>/.lock                       flock:
//   names appear and disappear under it
//
// Several servers and commands may work on one store at the same time; the locks live in the kernel, so a
// crash leaves nothing locked, and the next change sweeps what a crash left. list() and find() need no root;
// the locks are for root only, so that no local user can block the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/fd.h"
#include "launcher/rootfs_archive.h"

namespace osb::launcher {

struct ImageInfo {
  std::string name;     // normalised
  std::string created;  // RFC 3339
  int64_t size = 0;     // bytes of content
  std::map<std::string, std::string> env;
  std::vector<std::string> entrypoint;
  std::string cwd;
};
BOOST_DESCRIBE_STRUCT(ImageInfo, (), (name, created, size, env, entrypoint, cwd))

struct ImportOptions {
  bool replace = false;
  uint64_t max_bytes = 0;  // of content; 0: what the disk holds
  std::map<std::string, std::string> env;
  std::vector<std::string> entrypoint;
  std::string cwd;
};

class ImageStore {
 public:
  // The store in this open directory. A process that drops root opens it before and can read on.
  explicit ImageStore(Fd directory) : directory_(std::move(directory)) {}
  // Opens `path`, creating it (0755) if it is not there. Throws Error.
  static ImageStore open(const std::string& path);
  int directory() const { return directory_.get(); }

  // Unpacks a root file system archive under a name. Throws Error: invalid (name, archive), unsupported (OCI
  // archive), conflict (the name is taken and replace is not set), too_large, exhausted (disk), and what the
  // source throws; then nothing of it is left. An image that is replaced while sandboxes use it stays on
  // disk, nameless, until they are gone. Of several imports of one name the last to end stays.
  ImageInfo import(const std::string& name, const ArchiveSource& archive, const ImportOptions& options = {});
  // From a file or a pipe.
  ImageInfo import(const std::string& name, int archive, const ImportOptions& options = {});

  // All complete images by name; damaged ones are left out and logged.
  std::vector<ImageInfo> list() const;
  // nullopt if there is none. Throws Error(invalid) for what is no image name.
  std::optional<ImageInfo> find(const std::string& name) const;

  // Throws Error: not_found, conflict while a sandbox uses it.
  void remove(const std::string& name);

  // Marks the image (its directory name) as used for as long as the descriptor, or any copy of it, is open.
  // Throws Error(not_found).
  Fd hold(const std::string& directory_name) const { return hold_image(directory_.get(), directory_name); }
  static Fd hold_image(int images, const std::string& directory_name);

  // Removes what crashed imports and replaced images left, as far as nobody uses it.
  void sweep();

 private:
  Fd lock_store() const;
  void sweep_locked();
  std::optional<ImageInfo> read_info(const std::string& directory_name) const;

  Fd directory_;
};

}  // namespace osb::launcher
