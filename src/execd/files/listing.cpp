#include "execd/files/listing.h"

#include <errno.h>

#include "base/log.h"
#include "execd/files/failure.h"
#include "execd/files/file_info.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

// The place itself, not what a link there leads to. Throws Error(not_found).
Fd open_place(const std::string& path, struct stat& st) {
  Fd fd = sys::open_at(AT_FDCWD, path, O_PATH | O_NOFOLLOW);
  if (!fd || ::fstat(fd.get(), &st) != 0)
    throw file_error("reading", path, is_missing(errno) ? ENOENT : errno);
  return fd;
}

void check_readable(const Fd& directory, const std::string& path) {
  if (!sys::open_at(directory.get(), ".", O_RDONLY | O_DIRECTORY)) throw file_error("reading", path, errno);
}

}  // namespace

Listing::Listing(std::string path) : path_(std::move(path)), accounts_(Accounts::load()) {}

std::unique_ptr<Listing> Listing::search(const std::string& path, const std::string& pattern) {
  Glob glob(pattern.empty() ? "**" : pattern);
  std::unique_ptr<Listing> out(new Listing(path));
  struct stat st{};
  Fd fd = open_place(path, st);
  out->glob_ = std::move(glob);
  if (S_ISDIR(st.st_mode)) {
    check_readable(fd, path);
    out->walk_.emplace(std::move(fd), UINT32_MAX);
  } else {
    out->single_ = st;
  }
  return out;
}

std::unique_ptr<Listing> Listing::list(const std::string& path, uint32_t depth) {
  std::unique_ptr<Listing> out(new Listing(path));
  struct stat st{};
  Fd fd = open_place(path, st);
  if (S_ISLNK(st.st_mode))
    throw bad_file("listing " + path + ": it is a symbolic link, name the directory itself");
  if (!S_ISDIR(st.st_mode)) throw bad_file("listing " + path + ": it is not a directory");
  check_readable(fd, path);
  out->walk_.emplace(std::move(fd), depth);
  return out;
}

void Listing::add(std::string& out, std::string_view path, const struct stat& st) {
  if (results_++ > 0) out += ',';
  append_file_info(out, path, st, accounts_);
}

std::string Listing::next(std::chrono::milliseconds slice) {
  auto until = std::chrono::steady_clock::now() + slice;
  std::string out;
  if (!begun_) out += '[';
  begun_ = true;
  if (single_ && glob_->matches(sys::base_name(path_))) add(out, path_, *single_);

  std::string prefix = path_ == "/" ? "/" : path_ + "/";
  TreeWalk::Entry entry;
  for (int n = 1; walk_; ++n) {
    if (out.size() >= kPiece) return out;
    if (n % 64 == 0 && std::chrono::steady_clock::now() > until) return out;
    if (!walk_->next(entry)) break;
    if (glob_ && (S_ISDIR(entry.st.st_mode) || !glob_->matches(entry.name))) continue;
    if (results_ == kMaxResults) {
      log_warn("list of entries cut", {{"path", path_}, {"results", static_cast<int64_t>(results_)}});
      break;
    }
    add(out, prefix + std::string(entry.path), entry.st);
  }
  out += ']';
  done_ = true;
  return out;
}

}  // namespace osb::execd
