#include "launcher/rootfs_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr size_t kMaxComponents = 256;
constexpr uint64_t kMaxEntries = 5'000'000;
constexpr uint64_t kDiskReserve = 64ull << 20;  // left free on the disk
constexpr size_t kBlock = 256 * 1024;

// Header names of the pax format are UTF-8; in the "C" locale libarchive replaces what is not ASCII.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (!locale_) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

Error invalid(const std::string& what) { return Error(ErrorCode::invalid, "importing an archive: " + what); }

// Name of an entry as a relative path without "." parts; empty for the root itself.
std::string relative_path(const char* raw, std::string_view role) {
  if (!raw) throw invalid(std::string(role) + " of an entry is missing or unreadable");
  std::string_view text(raw);
  if (text.starts_with('/'))
    throw invalid("absolute " + std::string(role) + " \"" + std::string(text.substr(0, 200)) + "\"");
  std::string path;
  size_t components = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('/', start), text.size());
    std::string_view part = text.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..")
      throw invalid(std::string(role) + " \"" + std::string(text.substr(0, 200)) + "\" leaves the archive");
    if (part.size() > 255 || ++components > kMaxComponents || path.size() + part.size() + 1 > 4000)
      throw invalid(std::string(role) + " too long: \"" + std::string(text.substr(0, 80)) + "…\"");
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

struct Place {
  Fd parent;
  std::string name;
};

class Unpacker {
 public:
  Unpacker(archive* input, int root, uint64_t max_bytes) : input_(input), root_(root), max_bytes_(max_bytes) {
    struct statvfs disk{};
    check(::fstatvfs(root, &disk), "looking at the free space of the image directory");
    uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
    budget_ = free > kDiskReserve ? free - kDiskReserve : 0;
  }

  Unpacked run() {
    for (;;) {
      archive_entry* entry = nullptr;
      int status = archive_read_next_header(input_, &entry);
      if (status == ARCHIVE_EOF) break;
      if (status == ARCHIVE_RETRY) continue;
      if (status < ARCHIVE_WARN) throw invalid(archive_text());
      if (++done_.entries > kMaxEntries) throw invalid("more than 5 million entries");
      std::string path = relative_path(archive_entry_pathname(entry), "name");
      try {
        unpack(entry, path);
      } catch (const Error& error) {
        throw error.while_doing("unpacking \"" + path.substr(0, 200) + "\"");
      }
    }
    if (done_.entries == 0) throw invalid("it is empty");
    refuse_containers();
    for (auto& [path, times] : directory_times_) {
      Fd directory =
          path.empty() ? Fd(::dup(root_)) : sys::try_open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
      if (directory) ::futimens(directory.get(), times.data());
    }
    return done_;
  }

 private:
  std::string archive_text() const {
    const char* text = archive_error_string(input_);
    return text ? text : "damaged archive";
  }

  // OCI layouts and `docker save` archives are tar files too; unpacked they would make a root of blobs.
  void refuse_containers() const {
    bool marked = top_files_.contains("oci-layout") || top_files_.contains("manifest.json") ||
                  top_files_.contains("index.json");
    bool root_like = std::ranges::any_of(top_directories_, [](const std::string& name) {
      return name == "usr" || name == "bin" || name == "etc" || name == "lib";
    });
    if (marked && !root_like)
      throw Error(ErrorCode::unsupported,
                  "importing an archive: OCI archives are not supported yet; export a root file system with "
                  "`docker export`");
  }

  Place place_of(const std::string& path) {
    size_t slash = path.rfind('/');
    if (slash == path.npos) return {sys::open_beneath(root_, ".", O_RDONLY | O_DIRECTORY), path};
    std::string parent = path.substr(0, slash);
    // Archives need not name the directories above a file.
    Fd directory = sys::try_open_beneath(root_, parent, O_RDONLY | O_DIRECTORY);
    if (!directory && errno == ENOENT) directory = sys::make_directories(root_, parent);
    if (!directory) {
      if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV)
        throw invalid("its directory is not a directory");
      throw system_error("opening its directory");
    }
    return {std::move(directory), path.substr(slash + 1)};
  }

  // A later entry replaces an earlier one of the same name.
  static void make_room(const Place& place) {
    if (::unlinkat(place.parent.get(), place.name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (::unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR) == 0) return;
    throw invalid("it replaces a directory that is not empty");
  }

  void unpack(archive_entry* entry, const std::string& path) {
    note_top(entry, path);
    if (path.empty()) {
      if (archive_entry_filetype(entry) != AE_IFDIR) throw invalid("the root is not a directory");
      Fd self = sys::open_beneath(root_, ".", O_RDONLY | O_DIRECTORY);
      finish(entry, self.get());
      remember_times(entry, path);
      return;
    }
    const char* target = archive_entry_hardlink(entry);
    if (target) return hard_link(target, path);
    switch (archive_entry_filetype(entry)) {
      case AE_IFREG:
        return regular_file(entry, path);
      case AE_IFDIR:
        return directory(entry, path);
      case AE_IFLNK:
        return symbolic_link(entry, path);
      case AE_IFIFO:
        return fifo(entry, path);
      default:
        ++done_.skipped;
    }
  }

  void note_top(archive_entry* entry, const std::string& path) {
    size_t slash = path.find('/');
    std::string top = path.substr(0, slash);
    if (top_files_.size() + top_directories_.size() > 1000) return;
    if (slash != path.npos || archive_entry_filetype(entry) == AE_IFDIR) {
      top_directories_.insert(top);
    } else {
      top_files_.insert(top);
    }
  }

  void regular_file(archive_entry* entry, const std::string& path) {
    Place place = place_of(path);
    make_room(place);
    Fd file = sys::open_beneath(place.parent.get(), place.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    int64_t end = 0;
    for (;;) {
      const void* data = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      int status = archive_read_data_block(input_, &data, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status == ARCHIVE_RETRY) continue;
      if (status < ARCHIVE_WARN) throw invalid(archive_text());
      if (offset < 0 || offset > INT64_MAX - static_cast<int64_t>(size))
        throw invalid("malformed sparse file");
      spend(size);
      write_at(file.get(), static_cast<const char*>(data), size, offset);
      end = std::max(end, offset + static_cast<int64_t>(size));
    }
    int64_t length = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : end;
    if (length > end)
      check(::ftruncate(file.get(), length), "giving the file its length");  // a hole at the end
    finish(entry, file.get());
  }

  void spend(uint64_t bytes) {
    done_.bytes += bytes;
    if (max_bytes_ > 0 && done_.bytes > max_bytes_)
      throw Error(ErrorCode::too_large, "importing an archive: its content is larger than " +
                                            std::to_string(max_bytes_) + " bytes");
    if (done_.bytes > budget_)
      throw Error(ErrorCode::exhausted, "importing an archive: not enough free disk space for its content");
  }

  static void write_at(int fd, const char* data, size_t size, int64_t offset) {
    while (size > 0) {
      ssize_t n = ::pwrite(fd, data, size, offset);
      if (n < 0 && errno == EINTR) continue;
      check(n, "writing its content");
      data += n;
      size -= static_cast<size_t>(n);
      offset += n;
    }
  }

  void directory(archive_entry* entry, const std::string& path) {
    Place place = place_of(path);
    if (::mkdirat(place.parent.get(), place.name.c_str(), 0700) != 0) {
      if (errno != EEXIST) throw system_error("creating the directory");
      struct stat st{};
      check(::fstatat(place.parent.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW),
            "looking at the directory");
      if (!S_ISDIR(st.st_mode)) {
        make_room(place);
        check(::mkdirat(place.parent.get(), place.name.c_str(), 0700), "creating the directory");
      }
    }
    Fd self = sys::open_beneath(place.parent.get(), place.name, O_RDONLY | O_DIRECTORY);
    finish(entry, self.get());
    remember_times(entry, path);
  }

  // Filling a directory changes its times, so they are set at the end.
  void remember_times(archive_entry* entry, const std::string& path) {
    if (directory_times_.size() < 500'000) directory_times_.emplace_back(path, times_of(entry));
  }

  void symbolic_link(archive_entry* entry, const std::string& path) {
    const char* target = archive_entry_symlink(entry);
    if (!target || !*target) throw invalid("symbolic link without a target");
    Place place = place_of(path);
    make_room(place);
    check(::symlinkat(target, place.parent.get(), place.name.c_str()), "creating the symbolic link");
    check(::fchownat(place.parent.get(), place.name.c_str(), owner(archive_entry_uid(entry)),
                     owner(archive_entry_gid(entry)), AT_SYMLINK_NOFOLLOW),
          "setting its owner");
    auto times = times_of(entry);
    ::utimensat(place.parent.get(), place.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  }

  void hard_link(const char* raw_target, const std::string& path) {
    std::string target = relative_path(raw_target, "link target");
    if (target.empty()) throw invalid("hard link to the root");
    if (target == path) return;
    Place to = place_of(path), from = place_of(target);
    make_room(to);
    // Flags 0: a symbolic link is linked itself, never followed.
    if (::linkat(from.parent.get(), from.name.c_str(), to.parent.get(), to.name.c_str(), 0) != 0) {
      if (errno == ENOENT)
        throw invalid("hard link to \"" + target.substr(0, 200) + "\", which is not in the archive");
      if (errno == EPERM) throw invalid("hard link to a directory");
      throw system_error("creating the hard link");
    }
  }

  void fifo(archive_entry* entry, const std::string& path) {
    Place place = place_of(path);
    make_room(place);
    check(::mkfifoat(place.parent.get(), place.name.c_str(), 0600), "creating the pipe");
    Fd self = sys::open_beneath(place.parent.get(), place.name, O_RDONLY | O_NONBLOCK);
    finish(entry, self.get());
  }

  static uint32_t owner(int64_t id) {
    if (id < 0 || id >= UINT32_MAX) throw invalid("owner out of range");
    return static_cast<uint32_t>(id);
  }

  static std::array<timespec, 2> times_of(archive_entry* entry) {
    timespec at{.tv_sec = 0, .tv_nsec = UTIME_NOW};
    if (archive_entry_mtime_is_set(entry))
      at = {.tv_sec = archive_entry_mtime(entry),
            .tv_nsec = std::clamp(archive_entry_mtime_nsec(entry), 0l, 999'999'999l)};
    return {at, at};
  }

  // Owner first: it clears setuid and capabilities, which come after.
  void finish(archive_entry* entry, int fd) {
    check(::fchown(fd, owner(archive_entry_uid(entry)), owner(archive_entry_gid(entry))),
          "setting its owner");
    check(::fchmod(fd, archive_entry_perm(entry) & 07777), "setting its mode");
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      if (!name || !keeps_attribute(name)) continue;
      if (::fsetxattr(fd, name, value, size, 0) != 0 && errno != ENOTSUP && errno != EPERM && errno != EINVAL)
        throw system_error("setting its attribute " + std::string(name));
    }
    auto times = times_of(entry);
    ::futimens(fd, times.data());
  }

  static bool keeps_attribute(std::string_view name) {
    return name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
  }

  archive* input_;
  int root_;
  uint64_t max_bytes_;
  uint64_t budget_ = 0;
  Unpacked done_;
  std::set<std::string> top_files_, top_directories_;
  std::vector<std::pair<std::string, std::array<timespec, 2>>> directory_times_;
};

// Between the source and libarchive, which is C: no exception may pass through it.
class Feed {
 public:
  explicit Feed(const ArchiveSource& source) : source_(source) {}

  static la_ssize_t read(archive*, void* self, const void** bytes) {
    return static_cast<Feed*>(self)->next(bytes);
  }
  // Throws what the source threw.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  void read_rest() {
    while (!ended_) ended_ = source_().empty();
  }

 private:
  la_ssize_t next(const void** bytes) {
    if (ended_ || failure_) return failure_ ? ARCHIVE_FATAL : 0;
    try {
      std::string_view block = source_();
      ended_ = block.empty();
      *bytes = block.data();
      return static_cast<la_ssize_t>(block.size());
    } catch (...) {
      failure_ = std::current_exception();
    }
    return ARCHIVE_FATAL;
  }

  const ArchiveSource& source_;
  bool ended_ = false;
  std::exception_ptr failure_;
};

using Input = std::unique_ptr<archive, int (*)(archive*)>;

Input open_archive(Feed& feed) {
  Input input(archive_read_new(), &archive_read_free);
  if (!input) throw Error(ErrorCode::exhausted, "importing an archive: out of memory");
  // A filter that answers ARCHIVE_WARN would run an outside program.
  auto enable = [&](int status) {
    if (status != ARCHIVE_OK)
      throw Error(ErrorCode::internal, "importing an archive: this build lacks a tar filter");
  };
  enable(archive_read_support_format_tar(input.get()));
  enable(archive_read_support_filter_gzip(input.get()));
  enable(archive_read_support_filter_zstd(input.get()));
  enable(archive_read_support_filter_xz(input.get()));
  enable(archive_read_support_filter_bzip2(input.get()));
  if (archive_read_open(input.get(), &feed, nullptr, &Feed::read, nullptr) != ARCHIVE_OK) {
    feed.rethrow();
    const char* text = archive_error_string(input.get());
    throw invalid(text ? text : "it cannot be read");
  }
  return input;
}

}  // namespace

ArchiveSource read_archive(int fd) {
  return [fd, block = std::make_shared<std::string>(kBlock, '\0')]() -> std::string_view {
    for (;;) {
      ssize_t n = ::read(fd, block->data(), block->size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error("importing an archive: reading it");
      return {block->data(), static_cast<size_t>(n)};
    }
  };
}

Unpacked unpack_rootfs(const ArchiveSource& source, int root, uint64_t max_bytes) {
  Utf8Locale locale;
  Feed feed(source);
  Input input = open_archive(feed);
  try {
    Unpacked done = Unpacker(input.get(), root, max_bytes).run();
    // What follows the archive's own end mark is padding. It is taken, so that who sends it is not cut off,
    // and so that a source that breaks off in it is noticed.
    feed.read_rest();
    return done;
  } catch (const Error&) {
    feed.rethrow();  // it is why the archive seemed damaged
    throw;
  }
}

}  // namespace osb::launcher
