#include "execd/files/tree_copy.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <vector>

#include "execd/files/failure.h"
#include "execd/files/tree_walk.h"

namespace osb::execd {

namespace {

constexpr uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

class TreeCopy {
 public:
  explicit TreeCopy(const std::string& path) : path_(path) {}

  void entry(int from, const std::string& from_name, const struct stat& st, int to,
             const std::string& to_name) {
    if (S_ISREG(st.st_mode)) return file(from, from_name, st, to, to_name);
    if (S_ISLNK(st.st_mode)) return link(from, from_name, to, to_name, st);
    int made = S_ISDIR(st.st_mode)                            ? ::mkdirat(to, to_name.c_str(), 0700)
               : S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ? ::mknodat(to, to_name.c_str(), st.st_mode, 0)
                                                              : (errno = EINVAL, -1);
    if (made != 0) fail();
    if (!S_ISDIR(st.st_mode)) {
      Fd fd = sys::open_at(to, to_name, O_PATH | O_NOFOLLOW);
      if (fd) attributes(fd.get(), st);
    }
  }

  // Owner first: a change of owner clears the set-id bits. An owner that may not be given is not an error,
  // but then nobody else's set-id bits are either.
  void attributes(int fd, const struct stat& st) {
    mode_t mode = st.st_mode & 07777;
    if (::fchownat(fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != EPERM) fail();
      mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
    }
    if (!S_ISLNK(st.st_mode) && sys::change_mode(fd, mode) != 0) fail();
    timespec times[2] = {st.st_atim, st.st_mtim};
    ::utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  }

  [[noreturn]] void fail() const { throw file_error("copying", path_); }

 private:
  void file(int from, const std::string& from_name, const struct stat& st, int to,
            const std::string& to_name) {
    Fd in = sys::open_at(from, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat now{};
    if (!in || ::fstat(in.get(), &now) != 0) fail();
    if (!S_ISREG(now.st_mode)) throw bad_file("copying " + path_ + ": it changed meanwhile");
    Fd out = sys::open_at(to, to_name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0600);
    if (!out) fail();
    ssize_t n;
    while ((n = ::sendfile(out.get(), in.get(), nullptr, 1 << 20)) != 0)
      if (n < 0 && errno != EINTR) fail();
    attributes(out.get(), st);
  }

  void link(int from, const std::string& from_name, int to, const std::string& to_name,
            const struct stat& st) {
    std::string text(4096, '\0');
    ssize_t n = ::readlinkat(from, from_name.c_str(), text.data(), text.size());
    if (n < 0) fail();
    text.resize(static_cast<size_t>(n));
    if (::symlinkat(text.c_str(), to, to_name.c_str()) != 0) fail();
    Fd fd = sys::open_at(to, to_name, O_PATH | O_NOFOLLOW);
    if (fd) attributes(fd.get(), st);
  }

  const std::string& path_;
};

}  // namespace

void copy_tree(const sys::Place& from, const sys::Place& to, const std::string& path) {
  TreeCopy copy(path);
  struct stat st{};
  if (::fstatat(from.parent.get(), from.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) copy.fail();
  copy.entry(from.parent.get(), from.name, st, to.parent.get(), to.name);
  if (!S_ISDIR(st.st_mode)) return;

  Fd source = sys::open_at(from.parent.get(), from.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  Fd target = sys::open_at(to.parent.get(), to.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  Fd root = source ? sys::open_at(source.get(), ".", O_PATH | O_DIRECTORY) : Fd();
  if (!source || !target || !root) copy.fail();

  // Directories get their attributes last: their times change with each entry, and they may forbid writing.
  std::vector<std::pair<std::string, struct stat>> directories;
  directories.emplace_back(".", st);
  TreeWalk walk(std::move(root), UINT32_MAX, true);
  for (TreeWalk::Entry entry; walk.next(entry);) {
    std::string relative(entry.path);
    std::string name(entry.name);
    std::string parent =
        relative.size() > name.size() ? relative.substr(0, relative.size() - name.size() - 1) : ".";
    Fd in = sys::open_at(source.get(), parent, O_PATH | O_DIRECTORY, 0, kBeneath);
    Fd out = sys::open_at(target.get(), parent, O_PATH | O_DIRECTORY, 0, kBeneath);
    if (!in || !out) copy.fail();
    copy.entry(in.get(), name, entry.st, out.get(), name);
    if (S_ISDIR(entry.st.st_mode)) directories.emplace_back(std::move(relative), entry.st);
  }
  for (size_t i = directories.size(); i-- > 0;) {
    Fd fd = sys::open_at(target.get(), directories[i].first, O_PATH | O_DIRECTORY, 0, kBeneath);
    if (!fd) copy.fail();
    copy.attributes(fd.get(), directories[i].second);
  }
}

}  // namespace osb::execd
