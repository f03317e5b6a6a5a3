// The two lists of entries that the API gives: search and directory listing, as a JSON array made in slices,
// so that neither a long walk nor a long answer is held at once. Belongs on a worker.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "execd/files/accounts.h"
#include "execd/files/glob.h"
#include "execd/files/tree_walk.h"

namespace osb::execd {

class Listing {
 public:
  // Entries below the absolute path whose base name matches; directories are not among them, links are not
  // followed. A path that is no directory (a link included) is its own only candidate. Throws Error:
  // not_found; invalid for a broken pattern.
  static std::unique_ptr<Listing> search(const std::string& path, const std::string& pattern);
  // Everything below the directory, at most `depth` levels. Throws Error: not_found; invalid for a link and
  // for what is no directory.
  static std::unique_ptr<Listing> list(const std::string& path, uint32_t depth);

  // The next piece of the JSON text: of kPiece bytes or a little more, less at the end, or less (even empty)
  // because `slice` is over.
  std::string next(std::chrono::milliseconds slice);
  bool done() const { return done_; }

  static constexpr size_t kPiece = 256 * 1024;
  static constexpr size_t kMaxResults = 100'000;  // further entries are left out, with a line in the log

 private:
  Listing(std::string path);
  void add(std::string& out, std::string_view path, const struct stat& st);

  std::string path_;
  std::optional<Glob> glob_;
  std::optional<TreeWalk> walk_;
  std::optional<struct stat> single_;  // the path itself is the only candidate
  Accounts accounts_;
  size_t results_ = 0;
  bool begun_ = false;
  bool done_ = false;
};

}  // namespace osb::execd
