#include "sys/seccomp.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace osb::sys {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kNative = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

// What the kernel's interpreter would answer.
uint32_t run(const std::vector<sock_filter>& program, uint32_t number, std::array<uint64_t, 3> args = {},
             uint32_t architecture = kNative) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  for (size_t i = 0; i < args.size(); i++) data.args[i] = args[i];
  uint32_t a = 0;
  for (size_t pc = 0; pc < program.size(); pc++) {
    const sock_filter& i = program[pc];
    if (BPF_CLASS(i.code) == BPF_RET) return i.k;
    if (BPF_CLASS(i.code) == BPF_LD) {
      memcpy(&a, reinterpret_cast<char*>(&data) + i.k, sizeof a);
      continue;
    }
    bool taken = BPF_OP(i.code) == BPF_JEQ   ? a == i.k
                 : BPF_OP(i.code) == BPF_JGT ? a > i.k
                 : BPF_OP(i.code) == BPF_JGE ? a >= i.k
                                             : (a & i.k) != 0;
    pc += taken ? i.jt : i.jf;
  }
  return 0xdead;
}

uint32_t call(const char* name) { return static_cast<uint32_t>(seccomp_syscall_resolve_name(name)); }
constexpr uint32_t refused(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }

const std::vector<sock_filter> kFilter = sandbox_filter();

TEST(SandboxFilter, FitsTheKernel) {
  EXPECT_LE(kFilter.size(), size_t{BPF_MAXINSNS});
  for (uint32_t number = 0; number < 1000; number++) {
    uint32_t action = run(kFilter, number);
    EXPECT_TRUE(action == SECCOMP_RET_ALLOW || (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
        << number;
  }
}

// Docker's default profile refuses these to a container with our capabilities; so do we.
TEST(SandboxFilter, RefusesAtLeastWhatDockerRefuses) {
  for (const char* name :
       {"acct", "add_key", "bpf", "clock_settime", "clone3", "create_module", "delete_module",
        "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_mempolicy",
        "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
        "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "migrate_pages", "mount",
        "mount_setattr", "move_mount", "move_pages", "nfsservctl", "open_by_handle_at", "open_tree",
        "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise", "query_module", "quotactl",
        "quotactl_fd", "reboot", "request_key", "set_mempolicy", "setdomainname", "sethostname", "setns",
        "settimeofday", "swapoff", "swapon", "sysfs", "syslog", "umount2", "unshare", "uselib", "userfaultfd",
        "ustat", "vhangup",
        // and these beyond it
        "ptrace", "process_vm_readv", "process_vm_writev", "vmsplice", "memfd_secret", "adjtimex",
        "clock_adjtime"}) {
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;  // not on this architecture
    EXPECT_EQ(run(kFilter, static_cast<uint32_t>(number)) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ERRNO)
        << name;
  }
}

TEST(SandboxFilter, CallsOfLaterKernelsAndOtherAbisDoNotExist) {
  EXPECT_EQ(run(kFilter, 463), refused(ENOSYS));
  EXPECT_EQ(run(kFilter, 100000), refused(ENOSYS));
  EXPECT_EQ(run(kFilter, call("clone3")), refused(ENOSYS));
  EXPECT_EQ(run(kFilter, 1, {}, AUDIT_ARCH_I386), uint32_t{SECCOMP_RET_KILL_PROCESS});
#if defined(__x86_64__)
  EXPECT_EQ(run(kFilter, 0x40000000 | 1), uint32_t{SECCOMP_RET_KILL_PROCESS});
  EXPECT_EQ(run(kFilter, 335), refused(ENOSYS));
#endif
}

TEST(SandboxFilter, OrdinaryProgramsLive) {
  for (const char* name : {"read",
                           "write",
                           "openat",
                           "execve",
                           "execveat",
                           "mmap",
                           "futex",
                           "clone",
                           "fork",
                           "vfork",
                           "wait4",
                           "waitid",
                           "epoll_wait",
                           "epoll_pwait2",
                           "chroot",
                           "setuid",
                           "setgroups",
                           "prctl",
                           "seccomp",
                           "memfd_create",
                           "pidfd_open",
                           "getrandom",
                           "statx",
                           "rseq",
                           "membarrier",
                           "sched_setaffinity",
                           "copy_file_range",
                           "inotify_init1",
                           "landlock_create_ruleset",
                           "close_range",
                           "openat2",
                           "fchown",
                           "mlockall",
                           "shmget",
                           "mq_open",
                           "timer_create"}) {
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;
    EXPECT_EQ(run(kFilter, static_cast<uint32_t>(number)), uint32_t{SECCOMP_RET_ALLOW}) << name;
  }
}

TEST(SandboxFilter, NoNewNamespaces) {
  for (uint64_t flag :
       {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP})
    EXPECT_EQ(run(kFilter, call("clone"), {flag | 17}), refused(EPERM)) << flag;
  EXPECT_EQ(run(kFilter, call("clone"), {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND}),
            uint32_t{SECCOMP_RET_ALLOW});
}

TEST(SandboxFilter, SocketFamilies) {
  uint32_t socket_call = call("socket");
  for (uint64_t family : {AF_UNIX, AF_INET, AF_INET6})
    EXPECT_EQ(run(kFilter, socket_call, {family, SOCK_STREAM, 0}), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(run(kFilter, socket_call, {AF_NETLINK, SOCK_RAW, 0}), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(run(kFilter, socket_call, {AF_NETLINK, SOCK_RAW, 12}), refused(EAFNOSUPPORT)) << "netfilter";
  for (uint64_t family : {AF_PACKET, AF_VSOCK, AF_ALG, AF_KEY, AF_BLUETOOTH, AF_XDP, AF_TIPC})
    EXPECT_EQ(run(kFilter, socket_call, {family, SOCK_RAW, 0}), refused(EAFNOSUPPORT)) << family;
}

TEST(SandboxFilter, ArgumentsAreComparedTheWayTheKernelTruncatesThem) {
  constexpr uint64_t kRubbish = 0xabcd'0000'0000;
  EXPECT_EQ(run(kFilter, call("ioctl"), {0, 0x5412 | kRubbish}), refused(EPERM)) << "TIOCSTI";
  EXPECT_EQ(run(kFilter, call("ioctl"), {0, 0x541c}), refused(EPERM)) << "TIOCLINUX";
  EXPECT_EQ(run(kFilter, call("ioctl"), {0, 0x5401}), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(run(kFilter, call("socket"), {AF_PACKET | kRubbish, SOCK_RAW, 0}), refused(EAFNOSUPPORT));
  EXPECT_EQ(run(kFilter, call("personality"), {ADDR_NO_RANDOMIZE | kRubbish}), refused(EPERM));
  EXPECT_EQ(run(kFilter, call("personality"), {0xffffffff}), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(run(kFilter, call("personality"), {0}), uint32_t{SECCOMP_RET_ALLOW});
}

TEST(SandboxFilter, TheKernelLoadsIt) {
  pid_t child = ::fork();
  if (child == 0) {
    std::vector<sock_filter> copy = kFilter;
    sock_fprog program{static_cast<unsigned short>(copy.size()), copy.data()};
    if (load_filter(program) != 0) ::_exit(1);
    if (::syscall(SYS_unshare, CLONE_NEWUSER) != -1 || errno != EPERM) ::_exit(2);
    if (::socket(AF_PACKET, SOCK_RAW, 0) != -1 || errno != EAFNOSUPPORT) ::_exit(3);
    pid_t grandchild = ::fork();  // clone() of the C library
    if (grandchild == 0) ::_exit(0);
    if (::waitpid(grandchild, nullptr, 0) != grandchild) ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace osb::sys
