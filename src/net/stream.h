// A byte stream: TCP or unix socket today, TLS later. Virtual on purpose: it costs nothing measurable and
// keeps Asio's templates out of every file above.
//
// Used from its loop's thread only; at most one read and one write at a time. Failures throw Error: `timeout`
// when a deadline passed, `unavailable` for every other broken connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "net/task.h"

namespace osb::net {

// Who is at the other end.
struct Peer {
  std::string address;  // "127.0.0.1", "::1"; empty for a unix socket
  uint16_t port = 0;
  bool loopback = false;  // 127/8, ::1, ::ffff:127/104, or a unix socket
};

// Bytes of an open file that are to be written to a stream.
struct FileRegion {
  std::shared_ptr<const Fd> file;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Runs work that may wait for a disk on another thread, and resumes its caller on the loop when it has ended;
// what the work throws comes back. The work owns what it touches, so that it may outlive who wanted it. That
// thread blocks SIGPIPE, or the process ignores it: sendfile() has no flag to say so.
using Offload = std::function<task<>(std::function<void()> work)>;

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads at least one byte into `into`; 0 means the peer ended its side.
  virtual task<size_t> read_some(std::span<char> into) = 0;
  // Writes all parts, in order, in as few system calls as the kernel allows.
  virtual task<> write(std::vector<std::string_view> parts) = 0;
  task<> write(std::string_view bytes) { return write(std::vector<std::string_view>{bytes}); }
  // Writes bytes from the front of the region: at least one, or none where the file ends before it (or the
  // region is empty). Returns how many, so that the caller may move the deadline. The file is touched by
  // `offload`ed work only. Sockets let the kernel move the bytes; other streams read and write them.
  virtual task<uint64_t> write_file(FileRegion region, Offload offload);
  // Hands over what fits without waiting, none of it when the connection is broken: the next write() tells.
  // Not while a write() is pending. Returns the bytes taken.
  virtual size_t write_now(std::string_view bytes) = 0;

  // Absolute limits from now for all following operations in that direction; zero means none. When one
  // passes, the pending operation throws Error(timeout) and that direction is unusable. Cheap enough to call
  // per request.
  virtual void set_read_deadline(std::chrono::milliseconds after) = 0;
  virtual void set_write_deadline(std::chrono::milliseconds after) = 0;

  // Ends our side; the peer sees EOF after what was written.
  virtual void shutdown_write() = 0;
  // Drops the connection now; a pending operation throws.
  virtual void close() = 0;

  // Waits, without reading, until the peer ended its side or broke the connection. Throws Error(unavailable)
  // when cancelled by close(). Must not run together with read_some().
  virtual task<> wait_for_hangup() = 0;

  virtual const Peer& peer() const = 0;
  // Local address of the connection, numeric; empty for unix sockets.
  virtual std::string local_address() const = 0;
  // The socket itself, for sendfile and socket options. Still owned by the stream.
  virtual int native_handle() const = 0;
  virtual asio::any_io_executor executor() const = 0;
};

// Takes over a connected stream socket that somebody else opened.
std::unique_ptr<Stream> adopt_stream(asio::any_io_executor executor, Fd socket);

// Connects to a numeric address. Throws Error(unavailable|timeout).
task<std::unique_ptr<Stream>> connect_tcp(asio::any_io_executor executor, std::string address, uint16_t port,
                                          std::chrono::milliseconds limit);
task<std::unique_ptr<Stream>> connect_unix(asio::any_io_executor executor, std::string path,
                                           std::chrono::milliseconds limit);

// Copies from one stream to the other until EOF, then shuts down the writer's side. Returns the bytes copied.
task<uint64_t> copy(Stream& from, Stream& to);

}  // namespace osb::net
