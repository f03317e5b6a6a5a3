// Owner of a file descriptor. Closes it once; never throws; -1 means none.
#pragma once

#include <unistd.h>

#include <utility>

namespace osb {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Gives up ownership.
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// Sets O_NONBLOCK for everybody who has the same open file. Throws Error.
Fd non_blocking(Fd fd);
// Another descriptor of the same open file. Throws Error.
Fd duplicate(int fd);

// Both ends of a pipe2(O_CLOEXEC | flags). Throws Error.
struct Pipe {
  Fd read;
  Fd write;
};
Pipe make_pipe(int flags = 0);

}  // namespace osb
