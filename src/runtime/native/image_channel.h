// The talk with the launcher about one change of the image store, on a connection of its own: the archive
// goes there piece by piece, as fast as it is unpacked, and one reply comes back.
//
// One loop. Destroying it at any time closes the connection; a change whose archive was not ended is undone.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "launcher/protocol.h"
#include "net/task.h"

namespace osb::runtime {

class ImageChannel {
 public:
  using Milliseconds = std::chrono::milliseconds;

  struct Limits {
    Milliseconds greeting;  // of the launcher, when all is well at once
    Milliseconds step;      // room for a piece, and the reply
  };
  // `connection`: to the launcher, nothing read from it yet.
  ImageChannel(net::asio::any_io_executor executor, Fd connection, Limits limits);
  ~ImageChannel();
  ImageChannel(const ImageChannel&) = delete;

  // Greets the launcher and sends what is wanted. Throws Error: unavailable, timeout, unsupported (a launcher
  // of an earlier release).
  net::task<> open(launcher::RequestBody request);
  // Waits until there is room. False when the reply is there already (a refusal): nothing more is wanted
  // then. Throws Error: unavailable, timeout.
  net::task<bool> send(launcher::RequestBody part);
  // The reply. Throws Error: what an ErrorReply says, unavailable, timeout.
  net::task<launcher::ReplyBody> reply();

 private:
  struct State;
  static net::task<> watch_time(std::shared_ptr<State> state);
  net::task<launcher::Reply> next();
  std::optional<launcher::Reply> look();

  std::shared_ptr<State> state_;  // with the watchman, who notices late that we are gone
  std::optional<launcher::Reply> early_;
};

}  // namespace osb::runtime
