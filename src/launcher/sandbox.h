// One sandbox: a state machine over what the kernel and execd report. It owns every kernel object of the
// sandbox; they are released in order (process, link, control groups, files), without ever blocking the loop.
//
//   parked ──start()──► starting ──ready──► running ◄──► paused
//                          │ failure, deadline             running, paused ──PID 1 ends──► exited
//                          └──────────────► gone           (record and files stay)
//                                                          any ──destroy()──► gone
//
// A parked sandbox has everything that does not depend on a request: directory, control groups, network, and
// a process with the root of the image "host" around it, which waits for its name before it becomes execd.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/result.h"
#include "launcher/network.h"
#include "launcher/poller.h"
#include "launcher/protocol.h"
#include "launcher/resolver.h"
#include "launcher/sandbox_files.h"
#include "launcher/site.h"
#include "launcher/trash.h"
#include "sys/cgroup.h"

namespace osb::launcher {

// "host", the image that is this machine itself.
bool is_host_image(const std::string& image);

// The parts of the launcher that sandboxes work with; they outlive every sandbox.
struct Workshop {
  const Site& site;
  Poller& poller;
  Network& network;
  sys::CgroupTree& cgroups;
  Trash& trash;
  Resolver& resolver;
};

class Sandbox {
 public:
  // Called from the loop, never from within a call of ours. `started` comes once per sandbox; after a failure
  // nothing of it is left. `gone` is the last one: the owner drops the sandbox.
  struct Events {
    std::function<void(Result<void>)> started;
    std::function<void()> exited;
    std::function<void()> gone;
  };
  using Answer = std::function<void(Result<void>)>;

  explicit Sandbox(Workshop shop);
  ~Sandbox();

  // Makes what can be made ahead. `started` is told only of a failure.
  void park(Events events);
  // Whether a parked sandbox is still good for a request.
  bool usable() const;
  // Begins, from parked or from nothing; `events` replace the former ones. Failures come through `started`,
  // too.
  void start(CreateRequest request, Events events);
  // Kills and removes everything; `gone` follows.
  void destroy();
  // Answers when frozen or thawed: conflict if it is that already or not running.
  void pause(Answer answer) { set_frozen(true, std::move(answer)); }
  void resume(Answer answer) { set_frozen(false, std::move(answer)); }

  bool alive() const { return phase_ != Phase::exited; }
  SandboxInfo info() const;

 private:
  enum class Phase { parked, starting, running, paused, exited, ending };

  template <class Work>
  void attempt(Work work);
  void make(const std::string& image);
  void claim();
  void send_boot_config();
  void send_go(const void* what, size_t size);
  void on_status();
  void on_report();
  void on_end();
  void fail(Error error);
  void kill();
  void ready();
  void record_end(int wait_status);
  void release();
  void remove_groups();
  void released();
  void set_frozen(bool on, Answer answer);
  void check_frozen();
  void settle_freeze(Result<void> result);

  Workshop shop_;
  CreateRequest request_;
  Events events_;
  std::string name_;  // the id, once there is one
  Phase phase_ = Phase::parked;
  bool started_told_ = false;
  bool destroy_wanted_ = false;
  bool groups_gone_ = true;
  std::optional<Error> failure_;

  std::optional<SandboxFiles> files_;
  Fd image_;       // root file system of the image, until the child has it
  Fd image_hold_;  // keeps the image from being removed
  Line line_;
  std::string address_;
  sys::Cgroup cgroup_;
  pid_t pid_ = 0;
  Fd pidfd_;
  Fd go_, status_, report_, boot_;
  std::string report_text_;
  int32_t exit_code_ = -1;
  std::string exit_reason_;

  bool freeze_target_ = false;
  int freeze_checks_ = 0;
  int removal_tries_ = 0;
  Answer freeze_answer_;

  Poller::Watch on_pidfd_, on_status_fd_, on_report_fd_;
  Poller::Timer deadline_, freeze_timer_, removal_timer_;
};

}  // namespace osb::launcher
