// Order matters here:
//   * the parent-death signal comes first and once more after the last change of credentials (which clears
//   it); each
//     time a look at the launcher's pidfd closes the race with a launcher that died just before;
//   * the cgroup namespace is made inside the sandbox's groups, so that those are its root;
//   * what an image could have prepared is touched only after pivot_root, where its links cannot lead
//   outside;
//   * capabilities go before the filter, the filter goes last: it forbids most of what happens here.
#include "launcher/sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "sys/seccomp.h"

namespace osb::launcher {

namespace {

constexpr int kFailureStatus = 127;

class Child {
 public:
  explicit Child(const ChildPlan& plan) : plan_(plan) {}

  [[noreturn]] void run() {
    die_with_launcher();
    reset_signals();
    close_foreign();
    enter_cgroups();
    mount_overlays();
    change_root();
    for (size_t i = 0; i < plan_.step_count; i++) furnish(plan_.steps[i], static_cast<uint32_t>(i));
    wait_for_link();
    configure_network();
    limit();
    wait_for_claim();
    drop_privileges();
    exec();
  }

 private:
  [[noreturn]] void fail(ChildStage stage, int error, uint32_t detail = 0) {
    ChildFailure failure{stage, detail, error};
    if (::write(plan_.status, &failure, sizeof failure) < 0) ::_exit(kFailureStatus - 1);
    ::_exit(kFailureStatus);
  }
  void need(bool ok, ChildStage stage, uint32_t detail = 0) {
    if (!ok) fail(stage, errno, detail);
  }

  void die_with_launcher() {
    need(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, ChildStage::orphaned);
    pollfd launcher{plan_.launcher, POLLIN, 0};
    if (::poll(&launcher, 1, 0) != 0) ::_exit(kFailureStatus);
  }

  // The launcher catches nothing (it reads signals from a descriptor), but blocks and ignores some.
  void reset_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < 32; number++) ::sigaction(number, &action, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid();
    ::umask(0);
  }

  void close_foreign() {
    for (size_t i = 0; i < plan_.close_count; i++)
      need(::syscall(SYS_close_range, plan_.close[i].first, plan_.close[i].last, 0) == 0,
           ChildStage::descriptors);
  }

  void enter_cgroups() {
    for (size_t i = 0; i < plan_.cgroup_entry_count; i++)
      need(::write(plan_.cgroup_entries[i], "0", 1) == 1, ChildStage::cgroup);
    need(::unshare(CLONE_NEWCGROUP) == 0, ChildStage::cgroup_namespace);
  }

  void mount_overlays() {
    need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, ChildStage::private_mounts);
    for (size_t i = 0; i < plan_.reopen_count; i++) reopen(plan_.reopen[i], static_cast<uint32_t>(i));
    need(::fchdir(plan_.directory) == 0, ChildStage::overlay);
    for (size_t i = 0; i < plan_.overlay_count; i++)
      need(::mount("overlay", plan_.overlays[i].target, "overlay", MS_NODEV | MS_NOSUID,
                   plan_.overlays[i].options) == 0,
           ChildStage::overlay, static_cast<uint32_t>(i));
  }

  void reopen(const Reopening& what, uint32_t number) {
    struct stat before, after;
    int fd = ::open(what.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    need(fd >= 0 && ::fstat(what.fd, &before) == 0 && ::fstat(fd, &after) == 0, ChildStage::reopen, number);
    if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
      fail(ChildStage::reopen, ESTALE, number);
    need(::dup3(fd, what.fd, O_CLOEXEC) == what.fd, ChildStage::reopen, number);
    ::close(fd);
  }

  void change_root() {
    need(::chdir(plan_.overlays[0].target) == 0, ChildStage::change_root);
    need(::syscall(SYS_pivot_root, ".", ".") == 0, ChildStage::change_root);
    need(::umount2(".", MNT_DETACH) == 0, ChildStage::change_root);
    need(::chdir("/") == 0, ChildStage::change_root);
  }

  void furnish(const RootStep& step, uint32_t number) {
    bool ok = false;
    switch (step.kind) {
      case RootStep::Kind::directory:
        ok = real_directory(step.target);
        break;
      case RootStep::Kind::mount:
        ok = ::mount(step.source, step.target, step.type, step.flags, step.data) == 0;
        break;
      case RootStep::Kind::bind:
        ok = ::mount(step.source, step.target, nullptr, MS_BIND, nullptr) == 0;
        break;
      case RootStep::Kind::read_only:
        ok = ::mount(step.target, step.target, nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
             ::mount(nullptr, step.target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | step.flags, nullptr) ==
                 0;
        break;
      case RootStep::Kind::node:
        ok = ::mknod(step.target, S_IFCHR | 0666, step.device) == 0;
        break;
      case RootStep::Kind::link:
        ok = ::symlink(step.source, step.target) == 0;
        break;
    }
    need(ok, ChildStage::root_step, number);
  }

  // An image may hold a link or a file where a directory has to be.
  bool real_directory(const char* path) {
    struct stat info;
    if (::lstat(path, &info) != 0) return errno == ENOENT && ::mkdir(path, 0755) == 0;
    if (S_ISDIR(info.st_mode)) return true;
    errno = ENOTDIR;
    return false;
  }

  void read_go(void* into, size_t size) {
    ssize_t n;
    do {
      n = ::read(plan_.go, into, size);
    } while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(size)) ::_exit(kFailureStatus);  // the launcher gave up, and knows why
  }

  void wait_for_link() {
    char byte;
    read_go(&byte, 1);
  }

  void wait_for_claim() {
    ::prctl(PR_SET_NAME, "osb-slot", 0, 0, 0);
    Claim claim;
    read_go(&claim, sizeof claim);
    need(::sethostname(claim.hostname, ::strnlen(claim.hostname, sizeof claim.hostname)) == 0,
         ChildStage::hostname);
  }

  void configure_network() {
    int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    need(fd >= 0, ChildStage::network);
    ifreq request{};
    memcpy(request.ifr_name, "eth0", 5);
    need(::ioctl(fd, SIOCGIFINDEX, &request) == 0, ChildStage::network);
    for (size_t i = 0; i < plan_.link_offset_count; i++)
      memcpy(plan_.network + plan_.link_offsets[i], &request.ifr_ifindex, sizeof(int));
    timeval bound{5, 0};
    need(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) == 0, ChildStage::network);
    need(::send(fd, plan_.network, plan_.network_size, 0) == static_cast<ssize_t>(plan_.network_size),
         ChildStage::network);
    for (bool done = false; !done;) done = read_verdicts(fd);
    ::close(fd);
  }

  bool read_verdicts(int fd) {
    alignas(nlmsghdr) char buffer[4096];
    ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    need(n > 0, ChildStage::network);
    size_t left = static_cast<size_t>(n);
    for (auto* head = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      int error = -static_cast<nlmsgerr*>(NLMSG_DATA(head))->error;
      if (error != 0) fail(ChildStage::network, error, head->nlmsg_seq);
      if (head->nlmsg_seq == plan_.network_last) return true;
    }
    return false;
  }

  void limit() {
    rlimit none{0, 0};
    rlimit files{plan_.max_files, plan_.max_files};
    need(::setrlimit(RLIMIT_CORE, &none) == 0, ChildStage::limits);
    need(::setrlimit(RLIMIT_NOFILE, &files) == 0, ChildStage::limits);
    ::umask(022);
  }

  void drop_privileges() {
    need(::syscall(SYS_setgroups, 0, nullptr) == 0, ChildStage::credentials);
    need(::syscall(SYS_setresgid, 0, 0, 0) == 0 && ::syscall(SYS_setresuid, 0, 0, 0) == 0,
         ChildStage::credentials);
    // 3 and 4 before everything above them is left to exec to close: all of it is O_CLOEXEC.
    need(::dup2(plan_.standard_input, 0) == 0 && ::dup2(plan_.log, 1) == 1 && ::dup2(plan_.log, 2) == 2 &&
             ::dup2(plan_.boot, 3) == 3 && ::dup2(plan_.report, 4) == 4,
         ChildStage::descriptors);
    need(::syscall(SYS_close_range, 5, ~0u, CLOSE_RANGE_CLOEXEC) == 0, ChildStage::descriptors);
    int error = sys::limit_capabilities(plan_.capabilities);
    if (error != 0) fail(ChildStage::capabilities, error);
    die_with_launcher();
    error = sys::load_filter(plan_.filter);
    if (error != 0) fail(ChildStage::filter, error);
  }

  [[noreturn]] void exec() {
    ::execve(plan_.program, plan_.argv, plan_.envp);
    fail(ChildStage::exec, errno);
  }

  const ChildPlan& plan_;
};

}  // namespace

void run_sandbox_child(const ChildPlan& plan) noexcept { Child(plan).run(); }

}  // namespace osb::launcher
