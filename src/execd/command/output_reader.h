// The reading end of a pipe that a command writes to, read by readiness. It stays open, and is read, as long
// as anybody holds the other end: a process that a command left behind must neither block nor die from
// SIGPIPE.
//
// Trap: "the output of the command" ends with its leader, not with the pipe. drain() and finish() take what
// the leader wrote before it ended and no more, since a process left behind may go on printing for ever.
//
// Trap: one byte of output may become sixty of events (empty lines). A consumer that can be congested gets
// slices and is asked between them; what it does not want yet is held here, as it was printed. While
// something is held the pipe is not read, so at most one read (64 KiB) is held, and what
// restart() found.
//
// The pipe of who prints much is made larger (256 KiB), so that it can go on printing while its output is
// being sent. Not every pipe: what all pipes of a user may hold is limited.
#pragma once

#include <functional>
#include <memory>
#include <string>
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

  // Congestion may be over: goes on giving what is held.
  void resume();
  // Reads, now, what is in the pipe at this moment.
  void drain();
  // The output ends with what is in the pipe at this moment: `done` runs once, when the consumer has got all
  // of it (perhaps at once). What comes from now on is read and dropped.
  void finish(std::function<void()> done);
  // After finish(): what comes from now on goes to another consumer. What came in between is dropped.
  void restart(Consumer consumer);
  // Nobody wants what is held or comes from now on; it is read and dropped. Releases the consumer.
  void discard_rest();

  OutputReader(net::asio::any_io_executor executor, Fd pipe, Consumer consumer);

 private:
  static net::task<> run(std::shared_ptr<OutputReader> self);
  bool congested() const { return consumer_.congested && consumer_.congested(); }
  // False at the end of the pipe.
  bool read_once(size_t limit, size_t& got);
  bool read_burst();
  void grow_pipe();
  void take_last_bytes();
  size_t waiting_bytes() const;
  void give(std::string_view bytes);
  void give_held();

  Fd pipe_;
  net::Readable readable_;
  net::Event resumed_;
  Consumer consumer_;
  std::string held_;   // read, but not given yet
  bool more_ = false;  // the last read may not have emptied the pipe
  bool grown_ = false;
  size_t last_bytes_ = 0;  // after finish(): so many in the pipe still belong to the output
  std::function<void()> done_;
};

}  // namespace osb::execd
