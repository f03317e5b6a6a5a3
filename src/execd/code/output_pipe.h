// What a context prints on one of its descriptors, as text that never ends inside a UTF-8 character.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

// A pipe whose read end alone does not block: worker processes expect ordinary descriptors.
Pipe make_output_pipe();

class OutputPipe {
 public:
  // `read_end` must be non-blocking.
  OutputPipe(net::asio::any_io_executor executor, Fd read_end);

  // Waits for something to read. Throws Error(unavailable) after cancel().
  net::task<> wait() { return readable_.wait(); }
  void cancel() { readable_.cancel(); }

  // Appends what is there now, at most kChunk bytes. False when every writer is gone.
  bool read(std::string& out);
  // Appends all that was written before the call, however much is written meanwhile, and what read() held
  // back.
  void drain(std::string& out);

  static constexpr size_t kChunk = 64 * 1024;

 private:
  // Bytes read; 0 when there are none now or (then `ended_` is set) ever.
  size_t read_some(std::string& out, size_t limit);

  Fd fd_;
  net::Readable readable_;
  std::string held_;  // the beginning of a character
  bool ended_ = false;
};

}  // namespace osb::execd
