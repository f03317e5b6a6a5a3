#include "launcher/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "launcher/launcher_socket.h"
#include "launcher/protocol.h"
#include "sys/child.h"
#include "sys/tree.h"

extern char** environ;

namespace osb::launcher {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kFirstPause = milliseconds(100);
constexpr auto kLongestPause = seconds(5);
constexpr auto kHealthyAfter = seconds(30);  // a launcher that lived this long restarts without delay again
constexpr auto kStopLimit = seconds(15);
constexpr auto kPredecessorPause = milliseconds(1000);
constexpr int kFailuresWithoutServer = 3;
constexpr const char* kProgram = "/proc/self/exe";
constexpr const char* kLog = "launcher.log";

// Reads the greeting; nullopt if there is none.
std::optional<HelloEvent> greeting(int socket) {
  try {
    if (!wait_readable(socket, 1000)) return std::nullopt;
    std::optional<std::string> packet = receive_packet(socket);
    if (!packet) return std::nullopt;
    ReplyBody body = decode_reply(*packet).body;
    if (auto* hello = std::get_if<HelloEvent>(&body)) return *hello;
  } catch (const Error&) {  // it went away, or is no launcher
  }
  return std::nullopt;
}

// An empty Fd unless a launcher answers.
Fd answering_launcher(int run_directory) {
  Result<Fd> socket = connect_launcher(run_directory);
  if (!socket) return Fd();
  std::optional<HelloEvent> hello = greeting(socket->get());
  if (!hello) return Fd();
  if (hello->version != kProtocolVersion)
    throw Error(ErrorCode::unavailable,
                "starting the launcher: one of another version is running (protocol " +
                    std::to_string(hello->version) + "); end its sandboxes and its supervisor first");
  return std::move(*socket);
}

std::string log_tail(int launcher_directory) {
  Fd log = sys::try_open_beneath(launcher_directory, kLog, O_RDONLY);
  struct stat st{};
  if (!log || ::fstat(log.get(), &st) != 0) return "launcher.log is missing";
  std::string tail(std::min<off_t>(st.st_size, 2000), '\0');
  ssize_t n = ::pread(log.get(), tail.data(), tail.size(), st.st_size - static_cast<off_t>(tail.size()));
  tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return tail.empty() ? "launcher.log is empty" : "launcher.log ends with:\n" + tail;
}

// Whether a process holds the lock file of that path below STATE/launcher, which descriptor
// kSupervisorLogFd is.
bool held(const char* path) {
  Fd lock(::openat(kSupervisorLogFd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return lock && !sys::lock_file(lock.get(), sys::Lock::shared, false);
}
bool launcher_there() { return held(kLauncherLock); }
bool server_there() { return held((std::string("../server/") + kServerLock).c_str()); }

class Supervisor {
 public:
  explicit Supervisor(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    ::sigemptyset(&signals_);
    for (int signal : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&signals_, signal);
    ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
    for (char** entry = environ; *entry; ++entry) environment_.emplace_back(*entry);
  }

  int run() {
    milliseconds pause = kFirstPause;
    int failures = 0;
    while (launcher_there())  // of a supervisor that was killed
      if (wait_for_signal(kPredecessorPause) == Woken::stop) return 0;
    for (;;) {
      auto began = Clock::now();
      int status = run_launcher_once();
      if (stopping_) return 0;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_info("the launcher is done");
        return 0;
      }
      if (Clock::now() - began >= kHealthyAfter) {
        pause = kFirstPause;
        failures = 0;
      }
      if (++failures >= kFailuresWithoutServer && !server_there()) {
        log_error("the launcher cannot work, and no server waits for it",
                  {{"how", sys::exit_status_of(status).text()}});
        return 1;
      }
      log_warn("the launcher ended and is started again",
               {{"how", sys::exit_status_of(status).text()}, {"pause_ms", pause.count()}});
      if (wait_for_signal(pause) == Woken::stop) return 0;
      pause = std::min<milliseconds>(pause * 2, kLongestPause);
    }
  }

 private:
  enum class Woken { child, stop, time };

  Woken wait_for_signal(milliseconds limit) const {
    auto end = Clock::now() + limit;
    for (;;) {
      auto left = std::max(std::chrono::duration_cast<milliseconds>(end - Clock::now()), milliseconds(0));
      timespec wait{.tv_sec = left.count() / 1000, .tv_nsec = left.count() % 1000 * 1'000'000};
      int signal = ::sigtimedwait(&signals_, nullptr, &wait);
      if (signal == SIGCHLD) return Woken::child;
      if (signal > 0) return Woken::stop;
      if (errno == EAGAIN) return Woken::time;
    }
  }

  // Also reaps whatever else became our child.
  static bool ended(pid_t launcher, int& status) {
    bool found = false;
    int any = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &any, WNOHANG)) > 0;) {
      if (pid != launcher) continue;
      status = any;
      found = true;
    }
    return found;
  }

  int run_launcher_once() {
    sys::Child launcher;
    try {
      launcher = start_launcher();
    } catch (const Error& error) {
      log_error("the launcher cannot be started", {{"error", error.message()}});
      return 1 << 8;
    }
    int status = 0;
    std::optional<Clock::time_point> kill_at;
    for (;;) {
      auto limit = kill_at ? std::chrono::duration_cast<milliseconds>(*kill_at - Clock::now())
                           : milliseconds(3'600'000);
      Woken woken = wait_for_signal(limit);
      if (ended(launcher.pid, status)) return status;
      if (woken == Woken::stop && !kill_at) {
        stopping_ = true;
        ::kill(launcher.pid, SIGTERM);
        kill_at = Clock::now() + kStopLimit;
      } else if (kill_at && Clock::now() >= *kill_at) {
        ::kill(launcher.pid, SIGKILL);
        kill_at = Clock::now() + kStopLimit;
      }
    }
  }

  sys::Child start_launcher() const {
    Fd log = open_launcher_log(kSupervisorLogFd);
    // Our own lines go where the launcher's go, also after a rotation.
    for (int fd : {1, 2}) check(::dup2(log.get(), fd), "opening launcher.log");
    sys::ChildSpec spec{
        .program = kProgram, .argv = {"opensandbox", "launcher"}, .env = environment_, .cwd = "/"};
    spec.argv.insert(spec.argv.end(), arguments_.begin(), arguments_.end());
    spec.fds = {{1, log.get()}, {2, log.get()}};
    return sys::start_child(spec);
  }

  std::vector<std::string> arguments_, environment_;
  sigset_t signals_;
  bool stopping_ = false;
};

}  // namespace

Fd open_launcher_log(int directory, off_t limit) {
  struct stat st{};
  if (::fstatat(directory, kLog, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > limit)
    check(::renameat(directory, kLog, directory, "launcher.log.1"), "rotating launcher.log");
  return sys::open_beneath(directory, kLog, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

// The new process inherits the locked descriptor, so there is no moment without a holder.
void start_supervisor(const StateDirectory& state, const SupervisorOptions& options) {
  Fd lock = sys::open_beneath(state.run(), "supervisor.lock", O_RDWR | O_CREAT, 0600);
  if (!sys::lock_file(lock.get(), sys::Lock::exclusive, false))
    return;  // there is one; its launcher is coming up
  Fd log = open_launcher_log(state.launcher());
  sys::ChildSpec spec{
      .program = kProgram, .argv = {"opensandbox", "supervisor"}, .env = options.environment, .cwd = "/"};
  spec.argv.insert(spec.argv.end(), options.launcher_arguments.begin(), options.launcher_arguments.end());
  spec.fds = {
      {1, log.get()}, {2, log.get()}, {kSupervisorLockFd, lock.get()}, {kSupervisorLogFd, state.launcher()}};
  spec.new_session = true;
  sys::Child child = sys::start_child(spec);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {}
  if (status != 0)
    throw Error(ErrorCode::unavailable, "starting the supervisor: " + sys::exit_status_of(status).text() +
                                            "; " + log_tail(state.launcher()));
}

void bound_launcher_log(int directory, std::initializer_list<int> fds, off_t limit) {
  struct stat old{}, mine{};
  if (::fstatat(directory, kLog, &old, AT_SYMLINK_NOFOLLOW) != 0 || old.st_size <= limit) return;
  Fd fresh = open_launcher_log(directory, limit);
  for (int fd : fds)
    if (::fstat(fd, &mine) == 0 && mine.st_dev == old.st_dev && mine.st_ino == old.st_ino)
      check(::dup3(fresh.get(), fd, O_CLOEXEC), "opening launcher.log");
}

Fd ensure_supervisor(const StateDirectory& state, const SupervisorOptions& options) {
  auto end = Clock::now() + options.start_limit;
  // Again and again: the supervisor that holds the lock now may be just ending.
  while (Clock::now() < end) {
    Fd launcher = answering_launcher(state.run());
    start_supervisor(state, options);  // also where only the supervisor was killed
    if (launcher) return launcher;
    for (int i = 0; i < 100 && Clock::now() < end; ++i) {
      if (Fd launcher = answering_launcher(state.run())) return launcher;
      ::usleep(5000);
    }
  }
  throw Error(ErrorCode::unavailable,
              "starting the launcher: it does not answer; " + log_tail(state.launcher()));
}

int run_supervisor(const std::vector<std::string>& launcher_arguments) {
  for (int fd : {kSupervisorLockFd, kSupervisorLogFd})
    check(::fcntl(fd, F_SETFD, FD_CLOEXEC), "taking over descriptors");
  // A session leader could be given a terminal; its child cannot.
  pid_t pid = check(::fork(), "detaching the supervisor");
  if (pid > 0) return 0;
  ::prctl(PR_SET_NAME, "osb-supervisor");
  ::signal(SIGHUP, SIG_IGN);
  ::umask(022);
  return Supervisor(launcher_arguments).run();
}

}  // namespace osb::launcher
