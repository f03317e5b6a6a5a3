// Removes a file or a whole tree, whatever its depth, in slices. Never leaves the tree: links are removed as
// links, mounts are not entered, and a directory that is moved away meanwhile ends the removal.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "sys/path.h"

namespace osb::execd {

class TreeRemoval {
 public:
  // `path` is for messages. Throws Error(invalid) for the root and for a mount point.
  TreeRemoval(sys::Place place, std::string path);

  // Goes on for at most about `slice`; true when nothing is left. Missing is fine. Throws Error for what
  // cannot be removed; what was removed before stays removed.
  bool step(std::chrono::milliseconds slice);

 private:
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  // A directory being emptied. Deep ones are closed while their children are worked on.
  struct Level {
    std::string name;
    std::unique_ptr<DIR, CloseDir> dir;
    dev_t dev = 0;
    ino_t ino = 0;
    int tries = 0;
  };

  void remove(int parent, const std::string& name, int tries);
  void enter(int parent, const std::string& name, int tries);
  void leave();

  sys::Place place_;
  std::string path_;
  bool begun_ = false;
  std::vector<Level> levels_;
};

}  // namespace osb::execd
