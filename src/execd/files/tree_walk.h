// Walks a directory tree in lexical order, parents before children, without following symbolic links. One
// step gives one entry, so that a walk can be cut into slices. Entries that vanish and directories that
// cannot be read are passed over: the tree may change all the time.
//
// Holds two descriptors and the names of the directories on the way, whatever the depth. A level is reopened
// by its path from the root of the walk with no link allowed on the way. A directory whose path is longer
// than 4095 bytes counts as unreadable.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace osb::execd {

class TreeWalk {
 public:
  struct Entry {
    std::string_view path;  // relative to the root of the walk; valid until the next step
    std::string_view name;
    struct stat st;
  };

  // `root` is an open directory. Entries deeper than `depth` levels are not visited (1: the children only).
  // `strict`: a directory that cannot be read is an Error, for walks that must not miss anything.
  TreeWalk(Fd root, uint32_t depth, bool strict = false);

  // False at the end. Throws Error when more than kMaxNames names wait at once.
  bool next(Entry& entry);
  // The entry given last, if it is a directory, is not entered.
  void skip_children() { descend_ = false; }

  static constexpr size_t kMaxNames = 1 << 20;

 private:
  // The names of one directory, in one text; sorted when all are there.
  struct Level {
    std::string text;
    std::vector<uint32_t> starts;
    size_t next = 0;
    size_t path_size = 0;  // of the directory's own path
    const char* name(size_t i) const { return text.c_str() + starts[i]; }
  };

  void enter();
  bool reopen();

  Fd root_;
  Fd here_;  // directory of the last level; empty if it must be reopened
  uint32_t depth_;
  bool strict_;
  size_t names_ = 0;
  std::vector<Level> levels_;
  std::string path_;  // of the entry given last
  bool descend_;      // that entry is a directory to enter
};

}  // namespace osb::execd
