// Deletes directories in a process of its own: a sandbox may leave a million files, and the loop must not
// wait for them. What is to go is first renamed into the trash directory, so that its name is free at once;
// what is still there at the next start is deleted then.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"

namespace osb::launcher {

class Trash {
 public:
  // Starts the deleting process (low priority; it ends with us) and has it empty the directory. Call it
  // before other descriptors are opened that must not live on in it. Throws Error.
  explicit Trash(int directory);
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Moves `name` out of `from`. A missing name is fine. Throws Error.
  void take(int from, const std::string& name);

 private:
  void start();
  void wake();

  int directory_;
  Fd orders_;
  pid_t worker_ = -1;
};

}  // namespace osb::launcher
