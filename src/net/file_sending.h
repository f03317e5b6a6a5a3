// One try to send bytes of a file: what a stream lets another thread do, since it may wait for a disk. Used
// by one thread at a time; inside this room only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "net/stream.h"

namespace osb::net {

// From the file into a socket, without a detour through this process.
class FileSending {
 public:
  // Keeps a descriptor of its own for the socket: the stream may be destroyed while proceed() runs, and the
  // number may name another connection then. Throws Error if there is none left.
  FileSending(int socket, FileRegion region);

  // Sends until the socket is full, the file or the region ends, or kAtOnce bytes are sent. Does not wait for
  // the socket. Throws Error(internal) if the file cannot be read.
  void proceed();
  uint64_t sent() const { return sent_; }  // by the last proceed()
  bool socket_is_full() const { return full_; }
  int error() const { return error_; }  // errno of a broken connection

  static constexpr uint64_t kAtOnce = 4 * 1024 * 1024;  // some milliseconds of a thread's time

 private:
  ssize_t send_some(size_t most);
  ssize_t copy_some(size_t most);

  Fd socket_;
  FileRegion region_;
  uint64_t sent_ = 0;
  int error_ = 0;
  bool full_ = false;
  bool copies_ = false;  // the file is of a kind that the kernel does not move
};

// Into memory.
class FileBlock {
 public:
  explicit FileBlock(FileRegion region) : region_(std::move(region)) {}
  // At most kBytes. Throws Error(internal) if the file cannot be read.
  void read();
  std::string_view bytes() const { return bytes_; }

  static constexpr size_t kBytes = 256 * 1024;

 private:
  FileRegion region_;
  std::string bytes_;
};

}  // namespace osb::net
