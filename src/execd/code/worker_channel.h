// execd's end of the socket to a worker process: whole JSON messages in and out, descriptors along with a
// message.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "execd/code/frame.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

// Two connected SOCK_SEQPACKET sockets, close-on-exec: ours (non-blocking) and the worker's. Throws Error.
std::pair<Fd, Fd> make_channel();

class WorkerChannel {
 public:
  WorkerChannel(net::asio::any_io_executor executor, Fd socket);

  // Sends one message; descriptors go with its first frame and stay the caller's. A message of more than one
  // frame must not be sent while another send is pending. Throws Error(unavailable) when the worker is gone.
  net::task<> send(std::string message, std::vector<int> fds = {});
  // The next message; nullopt when the worker closed its end. Throws Error: invalid for bytes that are no
  // message, unavailable after cancel(). One receiver.
  net::task<std::optional<std::string>> receive();

  // The worker sees the end of its input.
  void shutdown_write();
  // Wakes the receiver for good.
  void cancel();

 private:
  bool read_packet();

  Fd socket_;
  net::Readable readable_;
  FrameDecoder decoder_;
  bool ended_ = false;
};

}  // namespace osb::execd
