// The server's line to the launcher: connects, matches replies to requests, and comes back when the launcher
// does. Knows packets and numbers, but nothing of what the sandboxes are for.
//
// One loop. The link and its coroutine share ownership: stop() ends the coroutine, whichever goes first.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/protocol.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::runtime {

struct LinkOptions {
  Fd run_directory;                               // of launcher.sock; O_PATH is enough
  uint32_t launcher_uid = 0;                      // who must be listening
  std::chrono::milliseconds patience{5000};       // how long a call waits for a connection
  std::chrono::milliseconds longest_pause{1000};  // between attempts to connect
};

class LauncherLink : public std::enable_shared_from_this<LauncherLink> {
 public:
  using Milliseconds = std::chrono::milliseconds;

  LauncherLink(net::asio::any_io_executor executor, LinkOptions options);

  // After every connect: everything that the launcher holds, and whether it is another process than before
  // (all sandboxes of the previous one are gone then).
  std::function<void(const std::vector<launcher::SandboxInfo>& all, bool new_launcher)> on_sync;
  // A sandbox ended by itself. Comes after the reply to its create.
  std::function<void(const launcher::SandboxInfo&)> on_exit;

  // Starts connecting in the background.
  void start();
  // Ends the connection and all attempts; forgets the listeners. Pending calls throw Error(unavailable).
  void stop();

  // True once connected and synchronised; waits for that up to the limit.
  net::task<bool> wait_connected(Milliseconds limit);
  // Another connection, for a talk that has one of its own. Throws Error(unavailable).
  Fd connect() const;
  // Of the connected launcher process; empty before the first connection.
  const std::string& boot_id() const { return boot_id_; }

  // Sends the request and waits for its reply. Throws Error: unavailable (no connection, or lost while
  // waiting), timeout, or what an ErrorReply says. All parts of a ListReply come as one.
  net::task<launcher::ReplyBody> call(launcher::RequestBody request, Milliseconds limit);

 private:
  struct Pending {
    explicit Pending(const net::asio::any_io_executor& executor) : event(executor) {}
    net::Event event;
    bool done = false;
    bool lost = false;
    launcher::ReplyBody reply = launcher::DoneReply{};
    std::vector<launcher::SandboxInfo> list;
  };

  static net::task<> run(std::shared_ptr<LauncherLink> self);
  static net::task<> watch_greeting(std::shared_ptr<LauncherLink> self, uint64_t connection);
  net::task<> serve(Fd socket);
  net::task<std::string> next_packet();
  net::task<> send(std::string packet, std::chrono::steady_clock::time_point end);
  void synchronise(std::vector<launcher::SandboxInfo> all, const std::string& boot_id);
  void dispatch(launcher::Reply reply);
  void lose_pending();

  net::asio::any_io_executor executor_;
  LinkOptions options_;
  net::Event changed_;  // connected_ or stopping_
  Fd socket_;
  net::Readable* readable_ = nullptr;  // of socket_, while serve() runs
  uint64_t connection_ = 0;
  bool connected_ = false;
  bool stopping_ = false;
  bool complained_ = false;
  std::string boot_id_;
  uint64_t next_number_ = 1;
  std::map<uint64_t, Pending*> pending_;
};

}  // namespace osb::runtime
