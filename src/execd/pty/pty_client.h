// One WebSocket that is attached to a session: what the client sends goes to the shell, and a coroutine sends
// what the session prints, from the client's offset on. It ends with the connection or with the shell,
// whatever is first; a shell does not end with its client.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "execd/pty/pty_session.h"
#include "http/websocket.h"

namespace osb::execd {

class PtyClient final : public PtyAttachment, public std::enable_shared_from_this<PtyClient> {
 public:
  // Output is wanted from offset `since` on.
  PtyClient(std::shared_ptr<PtySession> session, PtyRole role, uint64_t since);

  // Upgrades the connection and serves it to its end. A holder has reserved the session before
  // (set_holder()), unless it takes it over, which happens once the upgrade succeeded. Throws Error before
  // the upgrade.
  static net::task<> serve(std::shared_ptr<PtyClient> self, http::Request& request,
                           http::ResponseWriter& response, PtyMode mode, bool takeover);

  // PtyAttachment
  void evict() override;
  void input_failed(const Error& cause) override;
  void say_goodbye() override;

 private:
  bool begin(PtyMode mode, std::optional<Error>& failure);
  static net::task<> send_output(std::shared_ptr<PtyClient> self, std::string replay);
  net::task<bool> send_next();
  net::task<bool> send_input_failure();
  net::task<> send_end();
  net::task<bool> say_last_words();
  net::task<> fail(Error error, std::string code);
  net::task<> take(http::WebSocketMessage message);
  net::task<> take_input(std::string bytes);
  net::task<> refuse_change();
  void leave();

  std::shared_ptr<PtySession> session_;
  PtyRole role_;
  uint64_t since_;
  uint64_t life_ = 0;  // of the shell that it sees the end of
  std::unique_ptr<http::WebSocket> socket_;
  std::optional<Error> input_failure_;
  int refused_ = 0;
  bool evicted_ = false;
  std::optional<std::chrono::steady_clock::time_point>
      goodbye_;  // until when the end of the shell is waited for
};

}  // namespace osb::execd
