// The one place between fork and exec for ordinary children. The child shares our memory until exec (CLONE_VM
// and CLONE_VFORK: no page table is copied, and we are suspended meanwhile), so what fails in it is simply
// written into a variable of ours; no error pipe is needed.
//
// Traps: the child may call nothing that touches process-wide state of the C library (glibc's setresuid()
// would signal "our" threads), so ids change by raw system calls. Signals stay blocked across the clone: a
// handler of ours running in the child would run on our memory. Changing ids makes the shared memory
// non-dumpable in the kernel, so a process of the new uid cannot look into us during the window.
#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace osb::sys {
namespace {

// The stack of a child. One for each thread is enough, which waits meanwhile.
constexpr size_t kStackBytes = 64 * 1024;
alignas(64) thread_local char child_stack[kStackBytes];

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum class Step { group, oom, descriptors, terminal, directory, identity, exec };

// Everything the child needs, as plain memory.
struct Plan {
  const char* program;
  char** argv;
  char** env;
  const char* cwd;  // null: inherited
  const std::pair<int, int>* fds;
  int* moved;  // scratch, one per entry of fds
  size_t fd_count;
  int first_free_fd;   // above every child fd
  const int* signals;  // to be reset
  size_t signal_count;
  const gid_t* groups;
  size_t group_count;
  bool change_ids, set_uid, set_gid;
  uid_t uid;
  gid_t gid;
  bool new_group, new_session, own_terminal, ends_with_us;
  const char* oom_text;  // null: leave it
  uint64_t open_files;   // 0: leave it

  // Filled by the child.
  Step failed_step;
  int failed_errno = 0;
};

int fail(Plan* plan, Step step) {
  plan->failed_step = step;
  plan->failed_errno = errno;
  return -1;
}

// Asking about all 64 costs as much as resetting them: a thirtieth of the start of a small program. So it is
// done once, for what we inherited and what a sanitizer set up; to it come the signals that our programs care
// about later.
std::vector<int> find_changed_signals() {
  std::vector<int> found = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTERM, SIGCHLD, SIGWINCH};
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction now = {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_DFL &&
        std::ranges::find(found, signal) == found.end())
      found.push_back(signal);
  }
  return found;
}

const std::vector<int>& changed_signals() {
  static const std::vector<int> found = find_changed_signals();
  return found;
}

void reset_signals(const Plan& plan) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (size_t i = 0; i < plan.signal_count; ++i) ::sigaction(plan.signals[i], &action, nullptr);
}

void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Best effort: without /proc the child just keeps our score.
void raise_oom_score(const char* text) {
  int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] ssize_t written = ::write(fd, text, ::strlen(text));
  ::close(fd);
}

// Best effort as well. setrlimit() of the C library is no more than this call.
void limit_open_files(uint64_t soft) {
  rlimit64 limit;
  if (::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) != 0) return;
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr);
}

void close_from(int first) {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;
  for (int fd = first; fd < 4096; ++fd) ::close(fd);  // kernels before 5.9; ours are close-on-exec anyway
}

// Moves every source above all targets first, so that no target overwrites a source that is still needed.
int place_descriptors(Plan* plan) {
  for (size_t i = 0; i < plan->fd_count; ++i) {
    plan->moved[i] = ::fcntl(plan->fds[i].second, F_DUPFD, plan->first_free_fd);
    if (plan->moved[i] < 0) return -1;
  }
  for (int fd = 3; fd < plan->first_free_fd; ++fd) ::close(fd);
  for (size_t i = 0; i < plan->fd_count; ++i) {
    if (::dup2(plan->moved[i], plan->fds[i].first) < 0) return -1;
  }
  close_from(plan->first_free_fd);
  return 0;
}

int change_identity(Plan* plan) {
  if (::syscall(SYS_setgroups, plan->group_count, plan->groups) != 0) return -1;
  if (plan->set_gid && ::syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) != 0) return -1;
  if (plan->set_uid && ::syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid) != 0) return -1;
  return 0;
}

int prepare(Plan* plan) {
  reset_signals(*plan);
  if (plan->new_session) {
    if (::setsid() < 0) return fail(plan, Step::group);
  } else if (plan->new_group) {
    if (::setpgid(0, 0) != 0) return fail(plan, Step::group);
  }
  if (plan->oom_text) raise_oom_score(plan->oom_text);
  if (place_descriptors(plan) != 0) return fail(plan, Step::descriptors);
  if (plan->own_terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) return fail(plan, Step::terminal);
  // Not before: until now the table holds our descriptors too, and a limit below their number admits no more.
  if (plan->open_files != 0) limit_open_files(plan->open_files);
  // The directory is entered with the new identity, as the program itself would.
  if (plan->change_ids && change_identity(plan) != 0) return fail(plan, Step::identity);
  // Behind the change of identity, which takes it away.
  if (plan->ends_with_us) ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (plan->cwd && ::chdir(plan->cwd) != 0) return fail(plan, Step::directory);
  return 0;
}

int child_main(void* argument) {
  auto* plan = static_cast<Plan*>(argument);
  if (prepare(plan) == 0) {
    unblock_signals();
    ::execve(plan->program, plan->argv, plan->env);
    fail(plan, Step::exec);
  }
  ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string_view path_of(const std::vector<std::string>& env) {
  std::string_view found = kDefaultPath;
  for (std::string_view entry : env)
    if (entry.starts_with("PATH=")) found = entry.substr(5);
  return found;
}

bool is_program(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

std::string below(const std::string& cwd, std::string path) {
  if (cwd.empty() || path.starts_with('/')) return path;
  return cwd + "/" + path;
}

// Where a bare name is found in PATH. A file that is there but not executable is reported as such.
std::string find_program(const ChildSpec& spec) {
  if (spec.program.find('/') != std::string::npos) return spec.program;
  std::string_view rest = path_of(spec.env);
  bool seen = false;
  while (!spec.program.empty()) {
    size_t colon = rest.find(':');
    std::string directory(rest.substr(0, colon));
    std::string candidate = below(spec.cwd, (directory.empty() ? "." : directory) + "/" + spec.program);
    if (is_program(candidate)) return candidate;
    struct stat info;
    seen = seen || (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (seen) throw Error(ErrorCode::invalid, "starting " + spec.program + ": permission denied");
  throw Error(ErrorCode::not_found, "starting " + spec.program + ": no such program");
}

std::string describe(int err) {
  const char* text = ::strerrordesc_np(err);
  std::string out = text ? text : "unknown error";
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

Error exec_error(const ChildSpec& spec, const std::string& program, int err) {
  std::string doing = "starting " + spec.program + ": ";
  if (err == ENOENT || err == ENOTDIR) {
    struct stat info;
    if (::stat(below(spec.cwd, program).c_str(), &info) == 0)
      return Error(ErrorCode::invalid, doing + "the interpreter it needs is missing");
    return Error(ErrorCode::not_found, doing + "no such program");
  }
  if (err == EACCES || err == EPERM || err == ENOEXEC || err == E2BIG || err == EISDIR || err == ELOOP ||
      err == ENAMETOOLONG || err == EINVAL || err == ELIBBAD)
    return Error(ErrorCode::invalid, doing + describe(err));
  return system_error("starting " + spec.program, err);
}

Error error_of(const ChildSpec& spec, const std::string& program, const Plan& plan) {
  int err = plan.failed_errno;
  std::string doing = "starting " + spec.program + ": ";
  switch (plan.failed_step) {
    case Step::exec:
      return exec_error(spec, program, err);
    case Step::directory: {
      ErrorCode code = err == ENOENT ? ErrorCode::not_found : ErrorCode::invalid;
      return Error(code, doing + "working directory " + spec.cwd + ": " + describe(err));
    }
    case Step::identity:
      return Error(err == EAGAIN ? ErrorCode::exhausted : ErrorCode::invalid,
                   doing + "changing user: " + describe(err));
    case Step::descriptors:
      return system_error(doing + "passing descriptors", err);
    case Step::terminal:
      return system_error(doing + "giving it a terminal", err);
    default:
      return system_error(doing + "making its process group", err);
  }
}

void check_texts(const ChildSpec& spec) {
  auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (has_nul(spec.program) || has_nul(spec.cwd) || std::ranges::any_of(spec.argv, has_nul) ||
      std::ranges::any_of(spec.env, has_nul))
    throw Error(ErrorCode::invalid, "starting a program: arguments and environment cannot hold NUL");
}

// The kernel reads 2^32-1 as "leave it as it is": the program would keep our identity.
void check_ids(const ChildSpec& spec) {
  if (spec.uid == UINT32_MAX || spec.gid == UINT32_MAX)
    throw Error(ErrorCode::invalid, "starting " + spec.program + ": 4294967295 is no user or group");
}

// An empty root has no /dev: an empty file that cannot grow reads the same, and refuses to be written to.
Fd open_null() {
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null) return null;
  null = Fd(check(::memfd_create("null", MFD_CLOEXEC | MFD_ALLOW_SEALING), "opening /dev/null"));
  check(::fcntl(null.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), "opening /dev/null");
  return null;
}

std::vector<std::pair<int, int>> with_standard_descriptors(const ChildSpec& spec, int null_fd) {
  std::vector<std::pair<int, int>> fds = spec.fds;
  for (int fd = 0; fd < 3; ++fd)
    if (std::ranges::none_of(spec.fds, [fd](const auto& pair) { return pair.first == fd; }))
      fds.emplace_back(fd, null_fd);
  return fds;
}

// Signals of this thread stay blocked while it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

ResourceUsage usage_of(const rusage& used) {
  auto time = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return {time(used.ru_utime) + time(used.ru_stime), static_cast<uint64_t>(used.ru_maxrss) * 1024,
          static_cast<uint64_t>(used.ru_oublock) * 512};
}

Child launch(Plan& plan) {
  SignalsBlocked blocked;
  int pidfd = -1;
  int pid = ::clone(child_main, child_stack + kStackBytes, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                    &plan, &pidfd);
  if (pid < 0 && errno == EINVAL) {  // kernels before 5.2 know no pidfd
    pidfd = -1;
    pid = ::clone(child_main, child_stack + kStackBytes, CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
  }
  if (pid < 0) throw system_error("starting a process");
  return {pid, Fd(pidfd)};
}

}  // namespace

Child start_child(const ChildSpec& spec) {
  check_texts(spec);
  check_ids(spec);
  std::string program = find_program(spec);
  std::vector<char*> argv = pointers(spec.argv);
  std::vector<char*> env = pointers(spec.env);
  Fd null = open_null();
  std::vector<std::pair<int, int>> fds = with_standard_descriptors(spec, null.get());
  std::vector<int> moved(fds.size());
  std::vector<gid_t> groups(spec.groups.begin(), spec.groups.end());
  std::string oom = std::to_string(spec.oom_score_adj);

  Plan plan = {};
  plan.program = program.c_str();
  plan.argv = argv.data();
  plan.env = env.data();
  plan.cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str();
  plan.fds = fds.data();
  plan.moved = moved.data();
  plan.fd_count = fds.size();
  plan.first_free_fd = 3;
  for (const auto& pair : fds) plan.first_free_fd = std::max(plan.first_free_fd, pair.first + 1);
  plan.signals = changed_signals().data();
  plan.signal_count = changed_signals().size();
  plan.groups = groups.data();
  plan.group_count = groups.size();
  plan.change_ids = spec.uid || spec.gid;
  plan.set_uid = spec.uid.has_value();
  plan.set_gid = spec.gid.has_value();
  plan.uid = spec.uid.value_or(0);
  plan.gid = spec.gid.value_or(0);
  plan.new_group = spec.new_group;
  plan.new_session = spec.new_session;
  plan.own_terminal = spec.own_terminal;
  plan.ends_with_us = spec.ends_with_us;
  plan.open_files = spec.open_files;
  plan.oom_text = spec.oom_score_adj > 0 ? oom.c_str() : nullptr;

  Child child = launch(plan);
  if (plan.failed_errno == 0) return child;
  int status;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {}
  throw error_of(spec, program, plan);
}

std::string ExitStatus::text() const {
  if (signal == 0) return "exit status " + std::to_string(code);
  const char* name = ::sigdescr_np(signal);
  std::string out = name ? name : "signal " + std::to_string(signal);
  if (name && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return "signal: " + out + (core ? " (core dumped)" : "");
}

ExitStatus exit_status_of(int wait_status, const rusage* used) {
  ExitStatus out;
  if (used) out.usage = usage_of(*used);
  out.code = WIFSIGNALED(wait_status) ? -1 : WEXITSTATUS(wait_status);
  out.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  out.core = WIFSIGNALED(wait_status) && WCOREDUMP(wait_status);
  return out;
}

uint64_t own_peak_memory() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  return usage_of(used).peak_memory_bytes;
}

}  // namespace osb::sys
