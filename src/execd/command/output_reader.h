// The reading end of a pipe that a command writes to, read by readiness. It stays open, and is read, as long
// as anybody holds the other end: a process that a command left behind must neither block nor die from
// SIGPIPE.
//
// Trap: "the output of the command" ends with its leader, not with the pipe. drain() takes what the leader
// wrote before it ended and no more, since a process left behind may go on printing for ever.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

class OutputReader : public std::enable_shared_from_this<OutputReader> {
 public:
  struct Consumer {
    // Output as it comes; `more` is false when nothing else is in the pipe at the moment.
    std::function<void(std::string_view bytes, bool more)> take;
    // True while nothing may be read; resume() ends that. May be empty.
    std::function<bool()> congested;
  };

  // Reads until the end of the pipe; the object lives as long, whoever else holds it.
  static std::shared_ptr<OutputReader> start(net::asio::any_io_executor executor, Fd pipe, Consumer consumer);

  // Congestion may be over.
  void resume() { resumed_.notify(); }
  // Reads, now, what is in the pipe at this moment.
  void drain();
  // Nobody wants what comes from now on; it is read and dropped. Releases the consumer.
  void discard_rest();

  OutputReader(net::asio::any_io_executor executor, Fd pipe, Consumer consumer);

 private:
  static net::task<> run(std::shared_ptr<OutputReader> self);
  // False at the end of the pipe.
  bool read_once(size_t limit, size_t& got);

  Fd pipe_;
  net::Readable readable_;
  net::Event resumed_;
  Consumer consumer_;
};

}  // namespace osb::execd
