// A TCP connection that never blocks in the kernel: it waits in wait_ready(), with a deadline and a stop
// token.
#pragma once

#include <utility>

#include "transport/channel.h"

namespace opensandbox::detail {

class Socket final : public Channel {
 public:
  // Tries the addresses of the host one after the other. Throws as open_channel.
  static std::unique_ptr<Socket> connect(const std::string& host, uint16_t port, const Wait& wait);

  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  size_t read(std::span<char> room, const Wait& wait) override;
  void write(std::string_view bytes, const Wait& wait) override;
  bool quiet() override;

  // Without waiting: bytes, 0 at the end, -1 when there is nothing now. Throws Failure(broken).
  ssize_t try_read(std::span<char> room);
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace opensandbox::detail
