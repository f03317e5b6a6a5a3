#include "launcher/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/ids.h"
#include "base/log.h"
#include "launcher/image_store.h"
#include "launcher/sandbox_plan.h"
#include "sys/pidfd.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartDeadline{10'000};
constexpr size_t kMaxReport = 4096;
constexpr milliseconds kFreezeCheck{2};
constexpr int kFreezeChecks = 1000;
constexpr int kRemovalTries = 300;

constexpr uint64_t kNamespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;

Fd open_image(const Site& site, const std::string& image, Fd& hold) {
  hold = ImageStore::hold_image(site.images.get(), image);
  return sys::open_beneath(site.images.get(), image + "/rootfs", O_PATH | O_DIRECTORY);
}

// A hint where ending early is not the caller's mistake.
Error died_early(const std::string& reason, const std::string& log_tail) {
  std::string message = "starting a sandbox: execd ended before it was ready: " + reason;
  if (!log_tail.empty()) message += "; it said: " + log_tail;
  return Error(ErrorCode::internal, std::move(message));
}

// No id has a dot.
std::string slot_name() { return "slot." + new_hex_id().substr(0, 12); }

}  // namespace

bool is_host_image(const std::string& image) { return image.empty() || image == "host"; }

Sandbox::Sandbox(Workshop shop) : shop_(shop), name_(slot_name()) {}

Sandbox::~Sandbox() {
  // Only on the launcher's own way out: everything else goes through destroy().
  if (pidfd_) sys::send_signal(pidfd_, SIGKILL);
}

template <class Work>
void Sandbox::attempt(Work work) {
  try {
    work();
  } catch (const Error& e) {
    if (status_) on_status();  // a child that failed first is the reason why it has no namespace any more
    fail(e);
  } catch (const std::exception& e) {
    fail(Error(ErrorCode::internal, std::string("starting a sandbox: ") + e.what()));
  }
}

void Sandbox::park(Events events) {
  events_ = std::move(events);
  attempt([this] { make("host"); });
}

bool Sandbox::usable() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return phase_ == Phase::parked && !failure_ && pidfd_ && status_ && ::poll(&ended, 1, 0) == 0;
}

void Sandbox::start(CreateRequest request, Events events) {
  request_ = std::move(request);
  events_ = std::move(events);
  phase_ = Phase::starting;
  attempt([this] {
    if (!pidfd_) {
      name_ = request_.id;
      make(request_.image);
    }
    claim();
  });
}

void Sandbox::make(const std::string& image) {
  const Site& site = shop_.site;
  bool host = is_host_image(image);
  if (!host) image_ = open_image(site, image, image_hold_);
  line_ = shop_.network.take();
  address_ = line_.address_text();
  files_ = SandboxFiles::create(site, name_, host);
  cgroup_ = shop_.cgroups.create(name_);
  groups_gone_ = false;
  // A memory file: a pipe holds less than a boot configuration may have.
  boot_ = Fd(check(::memfd_create("boot", MFD_CLOEXEC), "making the boot configuration"));
  Pipe go = make_pipe(), status = make_pipe(), report = make_pipe();
  for (const Fd* end : {&status.read, &report.read})
    check(::fcntl(end->get(), F_SETFL, O_NONBLOCK), "preparing the sandbox's pipes");

  SandboxPlan plan({.site = site,
                    .name = name_,
                    .image_name = image,
                    .image = host ? -1 : image_.get(),
                    .address = line_.address(),
                    .gateway = shop_.network.gateway(),
                    .directory = files_->directory(),
                    .log = files_->log(),
                    .boot = boot_.get(),
                    .go = go.read.get(),
                    .status = status.write.get(),
                    .report = report.write.get(),
                    .cgroup = cgroup_});
  pid_ = sys::clone_process(kNamespaces, cgroup_.clone_fd(), pidfd_);
  if (pid_ == 0) run_sandbox_child(plan.child());

  cgroup_.close_entries();
  image_.reset();
  files_->close_log();
  go_ = std::move(go.write);
  status_ = std::move(status.read);
  report_ = std::move(report.read);
  on_pidfd_ = shop_.poller.watch(pidfd_.get(), EPOLLIN, [this](uint32_t) { on_end(); });
  on_status_fd_ = shop_.poller.watch(status_.get(), EPOLLIN, [this](uint32_t) { on_status(); });
  on_report_fd_ = shop_.poller.watch(report_.get(), EPOLLIN, [this](uint32_t) { on_report(); });
  // While the child mounts its root, the link is made here.
  line_.connect(pid_);
  send_go(&kLinkReady, sizeof kLinkReady);
}

void Sandbox::claim() {
  deadline_ = shop_.poller.after(kStartDeadline, [this] {
    fail(Error(ErrorCode::timeout, "starting a sandbox: execd was not ready within 10 s"));
  });
  cgroup_.limit({request_.cpu_millis, request_.memory_bytes, request_.pids});
  if (name_ != request_.id) cgroup_.rename(request_.id);
  files_->identify(request_.id, address_, shop_.resolver.text());
  send_boot_config();
  Claim claim{};
  request_.id.copy(claim.hostname, sizeof claim.hostname - 1);
  send_go(&claim, sizeof claim);
}

void Sandbox::send_go(const void* what, size_t size) {
  if (::write(go_.get(), what, size) != static_cast<ssize_t>(size) && errno != EPIPE)
    throw system_error("releasing the sandbox's process");
}

// The child reads it from its start: the position in the file is shared.
void Sandbox::send_boot_config() {
  sys::write_all(boot_.get(), request_.boot, "writing the boot configuration");
  check(::lseek(boot_.get(), 0, SEEK_SET), "writing the boot configuration");
  boot_.reset();
  request_.boot.clear();
  request_.boot.shrink_to_fit();
}

void Sandbox::on_status() {
  ChildFailure failure{};
  ssize_t n = ::read(status_.get(), &failure, sizeof failure);
  if (n < 0 && status_ && (errno == EINTR || errno == EAGAIN) && pidfd_) return;
  on_status_fd_.reset();
  status_.reset();
  go_.reset();
  if (n == sizeof failure) fail(explain(failure, shop_.site));
}

void Sandbox::on_report() {
  char buffer[kMaxReport];
  ssize_t n = ::read(report_.get(), buffer, sizeof buffer);
  if (n < 0) return;
  if (n > 0 && report_text_.size() < kMaxReport) report_text_.append(buffer, static_cast<size_t>(n));
  bool ended = n == 0;
  if (report_text_.empty() && !ended) return;
  char kind = report_text_.empty() ? '\0' : report_text_[0];
  if (kind == 'R') return ready();
  if (!ended && report_text_.size() < kMaxReport) return;
  on_report_fd_.reset();
  report_.reset();
  std::string text = report_text_.empty() ? "" : report_text_.substr(1);
  if (kind == 'E') {
    fail(Error(ErrorCode::invalid, text));
  } else if (kind == 'F') {
    fail(Error(ErrorCode::internal, "starting a sandbox: " + text));
  } else if (kind != '\0') {
    fail(Error(ErrorCode::internal, "starting a sandbox: execd sent an unknown report"));
  } else if (pidfd_) {
    sys::send_signal(pidfd_, SIGKILL);  // closed without a word: on_end() tells how it ended
  }
}

void Sandbox::ready() {
  on_report_fd_.reset();
  report_.reset();
  deadline_.reset();
  if (phase_ != Phase::starting || failure_) return;
  // Not before: until it had its root the child looked for the directory under the former name.
  try {
    if (name_ != request_.id) files_->rename(shop_.site, request_.id);
  } catch (const Error& e) {
    return fail(e);
  }
  name_ = request_.id;
  phase_ = Phase::running;
  line_.settle();
  started_told_ = true;
  events_.started({});
}

void Sandbox::fail(Error error) {
  if (phase_ != Phase::starting && phase_ != Phase::parked) return;
  if (!failure_) failure_ = std::move(error);
  deadline_.reset();
  kill();
}

void Sandbox::destroy() {
  if (destroy_wanted_) return;
  destroy_wanted_ = true;
  if ((phase_ == Phase::starting || phase_ == Phase::parked) && !failure_)
    failure_ = Error(ErrorCode::conflict, "starting a sandbox: it was destroyed meanwhile");
  if (freeze_answer_) settle_freeze(Error(ErrorCode::conflict, "the sandbox is being destroyed"));
  kill();
}

// From here on the end of the process, or its absence, drives the rest.
void Sandbox::kill() {
  if (!pidfd_) return shop_.poller.defer([this] { release(); });
  cgroup_.kill();  // thaws or kills through the freezer
  sys::send_signal(pidfd_, SIGKILL);
}

void Sandbox::on_end() {
  auto wait_status = sys::try_reap(pidfd_);
  if (!wait_status) return;
  record_end(*wait_status);
  auto early = [this] { return (phase_ == Phase::starting || phase_ == Phase::parked) && !failure_; };
  if (early()) {
    on_status();  // what the child said, if it failed before exec
    // What execd said last; the pipe ends with it.
    for (int i = 0; i < 8 && report_ && early(); i++) on_report();
    if (early()) failure_ = died_early(exit_reason_, files_->log_tail());
  }
  if (freeze_answer_) settle_freeze(Error(ErrorCode::conflict, "the sandbox has ended"));
  release();
}

void Sandbox::record_end(int wait_status) {
  on_pidfd_.reset();
  pidfd_.reset();
  pid_ = 0;
  bool out_of_memory = cgroup_.oom_kills() > 0;
  if (WIFSIGNALED(wait_status)) {
    exit_code_ = 128 + WTERMSIG(wait_status);
    exit_reason_ = "killed by signal " + std::to_string(WTERMSIG(wait_status));
  } else {
    exit_code_ = WEXITSTATUS(wait_status);
    exit_reason_ = "exit status " + std::to_string(exit_code_);
  }
  if (out_of_memory && exit_code_ == 128 + SIGKILL) exit_reason_ = "killed: out of memory";
}

void Sandbox::release() {
  if (phase_ == Phase::ending) return;
  if (phase_ == Phase::starting || phase_ == Phase::parked || destroy_wanted_) phase_ = Phase::ending;
  on_report_fd_.reset();
  on_status_fd_.reset();
  report_.reset();
  status_.reset();
  go_.reset();
  deadline_.reset();
  removal_timer_.reset();
  line_.reset();
  image_hold_.reset();
  remove_groups();
}

void Sandbox::remove_groups() {
  if (!groups_gone_) {
    groups_gone_ = cgroup_.try_remove();
    if (!groups_gone_ && ++removal_tries_ < kRemovalTries) {
      cgroup_.kill();  // somebody of the host may have entered from outside
      removal_timer_ =
          shop_.poller.after(milliseconds(std::min(removal_tries_, 20)), [this] { remove_groups(); });
      return;
    }
    if (!groups_gone_) log_error("a sandbox's control groups stay behind", {{"sandbox", name_}});
    groups_gone_ = true;
  }
  released();
}

void Sandbox::released() {
  if (phase_ != Phase::ending) {
    if (phase_ == Phase::exited) return;
    phase_ = Phase::exited;
    if (!destroy_wanted_) return events_.exited();
    phase_ = Phase::ending;
  }
  try {
    if (files_) shop_.trash.take(shop_.site.sandboxes.get(), files_->name());
  } catch (const Error& e) {
    log_error("a sandbox's files stay behind", {{"sandbox", name_}, {"error", e.message()}});
  }
  if (!started_told_) {
    started_told_ = true;
    events_.started(*failure_);
  }
  events_.gone();
}

void Sandbox::set_frozen(bool on, Answer answer) {
  Phase wanted = on ? Phase::running : Phase::paused;
  if (phase_ != wanted || destroy_wanted_ || freeze_answer_ || !pidfd_) {
    std::string_view why = freeze_answer_              ? "is being paused or resumed"
                           : !pidfd_                   ? "has ended"
                           : phase_ == Phase::running  ? "is running"
                           : phase_ == Phase::paused   ? "is paused already"
                           : phase_ == Phase::starting ? "is starting"
                                                       : "has ended";
    return answer(Error(ErrorCode::conflict, std::string(on ? "pausing" : "resuming") + " sandbox " +
                                                 request_.id + ": it " + std::string(why)));
  }
  try {
    cgroup_.freeze(on);
  } catch (const Error& e) {
    return answer(e);
  }
  freeze_target_ = on;
  freeze_checks_ = 0;
  freeze_answer_ = std::move(answer);
  check_frozen();
}

void Sandbox::check_frozen() {
  if (cgroup_.frozen() == freeze_target_) {
    phase_ = freeze_target_ ? Phase::paused : Phase::running;
    return settle_freeze({});
  }
  if (++freeze_checks_ < kFreezeChecks) {
    freeze_timer_ = shop_.poller.after(kFreezeCheck, [this] { check_frozen(); });
    return;
  }
  try {
    cgroup_.freeze(!freeze_target_);
  } catch (const Error& e) {
    log_error("a sandbox is half frozen", {{"sandbox", request_.id}, {"error", e.message()}});
  }
  settle_freeze(
      Error(ErrorCode::timeout, "freezing sandbox " + request_.id + ": it did not stop within 2 s"));
}

void Sandbox::settle_freeze(Result<void> result) {
  freeze_timer_.reset();
  Answer answer = std::exchange(freeze_answer_, nullptr);
  answer(std::move(result));
}

SandboxInfo Sandbox::info() const {
  SandboxState state = phase_ == Phase::paused   ? SandboxState::paused
                       : phase_ == Phase::exited ? SandboxState::exited
                                                 : SandboxState::running;
  return {request_.id, state, address_, pid_, exit_code_, exit_reason_};
}

}  // namespace osb::launcher
