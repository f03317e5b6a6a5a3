// A terminal that outlives its clients: the shell of the moment, everything that it printed lately, and who
// is attached. One client holds it, any number (within reason) look on.
//
// All clients read from one ring, each at its own offset, and take from it when they can write. The holder
// slows the shell down when it is behind by more than the lag; without a holder nobody does. A viewer that is
// overtaken goes on with what the ring still has.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "execd/command/command_request.h"
#include "execd/pty/pty_shell.h"
#include "execd/pty/replay_ring.h"
#include "net/timer.h"

namespace osb::execd {

struct PtyOptions {
  size_t replay_bytes = 1024 * 1024;  // kept of each session's output
  size_t lag_bytes = 256 * 1024;      // a holder this far behind stops the shell; at most half of the ring
  size_t sessions = 64;
  size_t viewers = 16;                                          // of one session
  std::chrono::milliseconds idle_time = std::chrono::hours(1);  // see PtySessions
};

// What all sessions have in common.
struct PtySettings {
  CommandDefaults commands;
  PtyOptions options;
};

// What a session runs: `command` as with `bash -c`, or an interactive shell where it is empty.
struct PtyRequest {
  std::string cwd;  // absolute
  std::string command;
};

// A client, as the session sees it. All calls come from the loop.
class PtyAttachment {
 public:
  virtual ~PtyAttachment() = default;
  virtual void evict() = 0;  // somebody else holds the session now
  virtual void input_failed(const Error& cause) = 0;
  virtual void say_goodbye() = 0;  // the daemon ends

  uint64_t next = 0;  // offset of what it has not taken yet
  bool live = false;  // of a holder: it takes output as it comes
};

class PtySession : public std::enable_shared_from_this<PtySession> {
 public:
  PtySession(net::asio::any_io_executor executor, Reaper& reaper, PtyRequest request,
             std::shared_ptr<const PtySettings> settings);
  ~PtySession();
  PtySession(const PtySession&) = delete;

  const std::string& id() const { return id_; }
  const ReplayRing& output() const { return ring_; }
  net::asio::any_io_executor executor() const { return executor_; }

  // The shell. Its lives are counted from 1; a life has ended when the ring has all of its output.
  uint64_t life() const { return life_; }
  uint64_t ended_life() const { return ended_life_; }
  bool alive() const { return ended_life_ < life_; }
  bool running() const { return shell_ && shell_->running(); }
  int exit_code() const { return shell_ ? shell_->exit_code() : 0; }
  PtyMode mode() const { return shell_ ? shell_->mode() : PtyMode::pty; }
  // Null before the first start.
  PtyShell* shell() const { return shell_.get(); }
  // Begins a new life unless one lasts. Throws Error if it cannot be started or end() ran.
  void start(PtyMode mode);

  // Something may be new for clients: output, an end, another holder, room for input.
  net::Event& changed() { return changed_; }

  // The client that types; a new one evicts the old.
  PtyAttachment* holder() const { return holder_.get(); }
  void set_holder(std::shared_ptr<PtyAttachment> client);
  void release_holder(const PtyAttachment* client);  // nothing if it is another one
  // False when there are too many.
  bool add_viewer(PtyAttachment* client);
  void remove_viewer(PtyAttachment* client);
  bool has_clients() const { return holder_ || !viewers_.empty(); }

  // From now on the holder takes output as it comes, by stream; its `next` is the end of the ring.
  void begin_live();
  struct Run {
    Output kind;
    size_t length;
  };
  // What stands at the holder's `next`: bytes of one stream.
  Run run_at(uint64_t offset);
  // The holder has moved its `next`.
  void holder_progressed();

  // Kills everything and returns when it is gone, or after five seconds. Clients that are attached see the
  // end of the shell.
  static net::task<> end(std::shared_ptr<PtySession> self);
  bool ended_for_good() const { return removed_; }
  // The daemon ends: clients are told.
  void say_goodbye();

  void touch() { last_used_ = std::chrono::steady_clock::now(); }
  std::chrono::steady_clock::time_point last_used() const { return last_used_; }

 private:
  struct Mark {
    uint64_t begin;
    Output kind;
  };

  sys::ChildSpec child(PtyMode mode) const;
  PtyShell::Listener listener();
  size_t room() const;
  void take_output(Output kind, std::string_view bytes);
  void shell_ended();
  void keep(std::vector<Fd> left_behind);

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::string id_;
  PtyRequest request_;
  std::shared_ptr<const PtySettings> settings_;
  ReplayRing ring_;
  std::deque<Mark> marks_;  // where streams change, from the holder's offset on
  std::shared_ptr<PtyShell> shell_;
  uint64_t life_ = 0;
  uint64_t ended_life_ = 0;
  std::shared_ptr<PtyAttachment> holder_;
  std::vector<PtyAttachment*> viewers_;
  std::vector<Fd> left_behind_;  // processes of shells that ended, by pidfd
  net::Event changed_;
  std::chrono::steady_clock::time_point last_used_ = std::chrono::steady_clock::now();
  bool removed_ = false;
};

}  // namespace osb::execd
