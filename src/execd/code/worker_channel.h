// execd's end of what connects it with a worker process: whole JSON messages in and out. Either a packet
// socket, where descriptors go along with a message, or a pipe for each direction, which every language can
// open.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "execd/code/frame.h"
#include "net/task.h"
#include "net/timer.h"
#include "net/writable.h"

namespace osb::execd {

// Two connected SOCK_SEQPACKET sockets, close-on-exec: ours (non-blocking) and the worker's. Throws Error.
std::pair<Fd, Fd> make_channel();

// A pipe in each direction, close-on-exec. Only our ends do not block.
struct ChannelPipes {
  Fd incoming, outgoing;   // ours
  Fd their_in, their_out;  // the worker's
};
ChannelPipes make_channel_pipes();

class WorkerChannel {
 public:
  // `incoming`: a packet socket, which serves both directions, if there is no `outgoing`; else the ends of
  // two pipes. Non-blocking.
  WorkerChannel(net::asio::any_io_executor executor, Fd incoming, Fd outgoing = {});

  // Sends one message. Descriptors go with its first frame and stay the caller's; pipes cannot take any. On a
  // socket a message of more than one frame must not be sent while another send is pending; on pipes sends
  // take turns. Throws Error(unavailable) when the worker is gone, on pipes also after cancel() or
  // shutdown_write().
  net::task<> send(std::string message, std::vector<int> fds = {});
  // The next message; nullopt when the worker closed its end. Throws Error: invalid for bytes that are no
  // message, unavailable after cancel(). One receiver.
  net::task<std::optional<std::string>> receive();

  // The worker sees the end of its input.
  void shutdown_write();
  // Wakes the receiver for good, and on pipes the sender.
  void cancel();

 private:
  // What the pipe to the worker needs and the socket does not.
  struct Outgoing {
    Outgoing(const net::asio::any_io_executor& executor, Fd pipe);
    void close();
    Fd fd;
    std::optional<net::Writable> writable;
    net::Event turn;
    bool sending = false;
    bool closed = false;
  };

  net::task<> send_frames(std::vector<std::string> frames, std::vector<int> fds);
  net::task<> write_frames(std::vector<std::string> frames);
  bool read_some();

  Fd incoming_;
  net::Readable readable_;
  std::optional<Outgoing> outgoing_;
  FrameDecoder decoder_;
  bool ended_ = false;
};

}  // namespace osb::execd
