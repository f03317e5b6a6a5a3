// Accepting connections on a TCP address or a unix path.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "net/stream.h"

namespace osb::net {

class Listener {
 public:
  virtual ~Listener() = default;
  // The next connection. Survives EMFILE and aborted connections (logs, backs off). Throws Error(unavailable)
  // after close().
  virtual task<std::unique_ptr<Stream>> accept() = 0;
  virtual void close() = 0;
  // The port really bound (useful after binding port 0); 0 for unix sockets.
  virtual uint16_t port() const = 0;
};

// "[::]", "0.0.0.0", "127.0.0.1" …; SO_REUSEADDR; backlog 4096. Throws Error ("listening on 127.0.0.1:8080:
// …").
std::unique_ptr<Listener> listen_tcp(asio::any_io_executor executor, const std::string& address,
                                     uint16_t port);
std::unique_ptr<Listener> listen_unix(asio::any_io_executor executor, const std::string& path);
// Takes over a listening socket that somebody else opened.
std::unique_ptr<Listener> adopt_listener(asio::any_io_executor executor, Fd socket);

}  // namespace osb::net
