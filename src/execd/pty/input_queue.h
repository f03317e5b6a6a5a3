// Bytes on their way to a program that may not read them: written at once where the kernel takes them, kept
// here otherwise. Nobody waits; whoever feeds it looks at waiting() and stops in time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "net/writable.h"

namespace osb::execd {

class InputQueue : public std::enable_shared_from_this<InputQueue> {
 public:
  struct Listener {
    std::function<void()> progressed;                // less is waiting
    std::function<void(const Error& cause)> failed;  // once; nothing is taken from then on
  };

  // `fd` is non-blocking, and nobody else watches it.
  InputQueue(net::asio::any_io_executor executor, Fd fd, Listener listener);

  // False when it is over: end() or stop() ran, or writing failed.
  bool write(std::string_view bytes);
  size_t waiting() const { return waiting_.size() - begin_; }
  // Closes the descriptor behind what waits: a pipe's reader sees the end of its input.
  void end();
  // Closes it now and forgets what waits. No listener is called any more.
  void stop();

 private:
  static net::task<> flush(std::shared_ptr<InputQueue> self);
  // False when the kernel takes no more at the moment.
  bool write_some();
  void fail(int err);
  void close();

  net::asio::any_io_executor executor_;
  Fd fd_;
  std::optional<net::Writable> writable_;
  Listener listener_;
  std::string waiting_;
  size_t begin_ = 0;  // of what is not written yet
  bool flushing_ = false;
  bool ended_ = false;
  bool stopped_ = false;
};

}  // namespace osb::execd
