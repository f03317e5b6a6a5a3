#include "launcher/image_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "launcher/image_name.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr size_t kMaxInfo = 1 << 20;
constexpr std::string_view kScratch = ".import-";

bool same_file(int a, int b) {
  struct stat one{}, two{};
  return ::fstat(a, &one) == 0 && ::fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
         one.st_ino == two.st_ino;
}

std::string directory_of(const std::string& name) {
  std::string normal = normalise_image_name(name);
  if (normal == kHostImage)
    throw Error(ErrorCode::conflict,
                "the image name \"host\" is reserved: it means this machine's own programs");
  return encode_image_name(normal);
}

bool exists(int dir, const std::string& name) {
  return ::faccessat(dir, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// Removes a scratch directory unless somebody holds its lock. Its root comes first and the lock last, so that
// a crash in between leaves something that is recognised again.
bool remove_unused(int images, const std::string& scratch) {
  Fd lock = sys::try_open_beneath(images, scratch + "/lock", O_RDONLY);
  if (lock && !sys::lock_file(lock.get(), sys::Lock::exclusive, false)) return false;
  {
    Fd self = sys::try_open_beneath(images, scratch, O_RDONLY | O_DIRECTORY);
    if (self) sys::remove_tree(self.get(), "rootfs");
  }
  sys::remove_tree(images, scratch);
  return true;
}

}  // namespace

ImageStore ImageStore::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) {
    ::chmod(path.c_str(), 0755);
  } else if (errno != EEXIST) {
    throw system_error("creating image directory " + path);
  }
  return ImageStore(
      Fd(check(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening image directory " + path)));
}

Fd ImageStore::lock_store() const {
  Fd lock = sys::open_beneath(directory(), ".lock", O_RDWR | O_CREAT, 0600);
  sys::lock_file(lock.get(), sys::Lock::exclusive, true);
  return lock;
}

ImageInfo ImageStore::import(const std::string& name, int archive, const ImportOptions& options) {
  return import(name, read_archive(archive), options);
}

ImageInfo ImageStore::import(const std::string& name, const ArchiveSource& archive,
                             const ImportOptions& options) {
  std::string target = directory_of(name);
  std::string scratch = std::string(kScratch) + new_hex_id();
  Fd work, lock;
  auto refuse_taken = [&] {
    if (!options.replace && exists(directory(), target))
      throw Error(ErrorCode::conflict, "importing image " + normalise_image_name(name) +
                                           ": the name is taken (use --replace, or remove the image first)");
  };
  Defer clean([&] {
    try {
      if (work) sys::remove_tree(work.get(), "rootfs");
      sys::remove_tree(directory(), scratch);
    } catch (const Error& error) {
      log_warn("could not remove an unfinished import", {{"error", error.message()}});
    }
  });
  {
    Fd store = lock_store();
    refuse_taken();
    sweep_locked();
    work = sys::make_directories(directory(), scratch, 0755);
    check(::fchmod(work.get(), 0755), "setting the mode of an image directory");
    lock = sys::open_beneath(work.get(), "lock", O_RDWR | O_CREAT | O_EXCL, 0600);
    sys::lock_file(lock.get(), sys::Lock::exclusive, false);
  }
  Fd root = sys::make_directories(work.get(), "rootfs", 0700);
  Unpacked unpacked = unpack_rootfs(archive, root.get(), options.max_bytes);
  // Whatever the archive says about its root: see the header. Sandboxes see the mode of their own upper
  // layer.
  check(::fchown(root.get(), 0, 0), "setting the owner of an image root");
  check(::fchmod(root.get(), 0700), "setting the mode of an image root");
  if (unpacked.skipped) log_warn("device nodes of the archive were left out", {{"count", unpacked.skipped}});

  ImageInfo info{.name = normalise_image_name(name),
                 .created = rfc3339_micros(now()),
                 .size = static_cast<int64_t>(unpacked.bytes),
                 .env = options.env,
                 .entrypoint = options.entrypoint,
                 .cwd = options.cwd};
  sys::write_new_file(work.get(), "image.json", json::serialize(json::write(info)) + "\n", 0644);
  check(::syncfs(root.get()), "writing the image to disk");

  Fd store = lock_store();
  refuse_taken();
  bool taken = exists(directory(), target);
  check(::renameat2(directory(), scratch.c_str(), directory(), target.c_str(),
                    taken ? RENAME_EXCHANGE : RENAME_NOREPLACE),
        "putting the image in place");
  clean.dismiss();
  lock.reset();
  if (taken && !remove_unused(directory(), scratch))
    log_info("the replaced image is still in use and goes when its sandboxes are gone",
             {{"image", info.name}});
  return info;
}

std::optional<ImageInfo> ImageStore::read_info(const std::string& directory_name) const {
  try {
    return json::read<ImageInfo>(
        json::parse(sys::read_file(directory(), directory_name + "/image.json", kMaxInfo)));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found)
      log_warn("left out a damaged image", {{"directory", directory_name}, {"error", error.message()}});
    return std::nullopt;
  }
}

std::vector<ImageInfo> ImageStore::list() const {
  std::vector<ImageInfo> images;
  for (const std::string& entry : sys::list_directory(directory())) {
    std::optional<std::string> name = decode_image_name(entry);
    if (!name) continue;
    if (std::optional<ImageInfo> info = read_info(entry)) {
      info->name = *name;  // the directory decides
      images.push_back(std::move(*info));
    }
  }
  return images;
}

std::optional<ImageInfo> ImageStore::find(const std::string& name) const {
  std::string normal = normalise_image_name(name);
  if (normal == kHostImage) return std::nullopt;
  std::optional<ImageInfo> info = read_info(encode_image_name(normal));
  if (info) info->name = normal;
  return info;
}

void ImageStore::remove(const std::string& name) {
  std::string target = directory_of(name);
  std::string scratch = std::string(kScratch) + new_hex_id();
  Fd store = lock_store();
  if (!exists(directory(), target))
    throw Error(ErrorCode::not_found,
                "removing image " + normalise_image_name(name) + ": there is no such image");
  Fd lock = sys::try_open_beneath(directory(), target + "/lock", O_RDONLY);
  if (lock && !sys::lock_file(lock.get(), sys::Lock::exclusive, false))
    throw Error(ErrorCode::conflict, "removing image " + normalise_image_name(name) + ": a sandbox uses it");
  check(::renameat(directory(), target.c_str(), directory(), scratch.c_str()), "removing image " + name);
  lock.reset();
  sweep_locked();
}

Fd ImageStore::hold_image(int images, const std::string& directory_name) {
  std::string path = directory_name + "/lock";
  auto gone = [&] {
    return Error(ErrorCode::not_found, "using image " +
                                           decode_image_name(directory_name).value_or(directory_name) +
                                           ": there is no such image");
  };
  if (!decode_image_name(directory_name)) throw gone();
  // A lock taken on a directory that was just renamed away protects nothing: look again.
  for (int attempt = 0; attempt < 100; ++attempt) {
    Fd lock = sys::try_open_beneath(images, path, O_RDONLY);
    if (!lock) throw gone();
    bool locked = sys::lock_file(lock.get(), sys::Lock::shared, false);
    Fd again = sys::try_open_beneath(images, path, O_RDONLY);
    if (locked && again && same_file(lock.get(), again.get())) return lock;
    ::usleep(1000);
  }
  throw gone();
}

void ImageStore::sweep() {
  Fd store = lock_store();
  sweep_locked();
}

void ImageStore::sweep_locked() {
  for (const std::string& entry : sys::list_directory(directory())) {
    if (!entry.starts_with(kScratch)) continue;
    try {
      remove_unused(directory(), entry);
    } catch (const Error& error) {
      log_warn("could not remove a left-over import", {{"directory", entry}, {"error", error.message()}});
    }
  }
}

}  // namespace osb::launcher
