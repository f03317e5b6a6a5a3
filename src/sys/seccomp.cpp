// A list of what is refused, with a guard above it: system calls that were added to the kernel after this
// list was reviewed do not exist in a sandbox (ENOSYS, so that C libraries fall back). An allow-list would
// say the same with three hundred names more; here every line is a decision. Everything that Docker's default
// profile refuses a container without extra capabilities is refused, and more (seccomp_test.cpp has that
// list).
//
// libseccomp resolves names to numbers; the program is put together by hand, because libseccomp compares all
// 64 bits of an argument: what the kernel truncates to 32 (ioctl requests, socket families, personality)
// could be smuggled past it with rubbish in the upper half, and "anything but these values" cannot be said in
// its rules.
//
// Refusals are EPERM where programs expect to be refused, ENOSYS where they have a fall-back: clone3 (its
// flags are in memory, where a filter cannot look; C libraries then use clone), io_uring, memfd_secret.
#include "sys/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

#include "base/error.h"

namespace osb::sys {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr uint32_t kX32Bit = 0x40000000;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter has not been reviewed for this architecture"
#endif

// mseal, Linux 6.10. The numbers above 424 are the same on all architectures.
constexpr uint32_t kLastReviewed = 462;

// Refused with EPERM.
constexpr const char* kForbidden[] = {
    // namespaces, mounts and roots
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr", "sethostname", "setdomainname", "open_by_handle_at",
    // other processes' memory and descriptors
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    // kernel machinery
    "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie", "fanotify_init", "vmsplice",
    // keyrings are not namespaced
    "keyctl", "add_key", "request_key",
    // the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
    "query_module", "get_kernel_syms", "swapon", "swapoff", "reboot", "acct", "quotactl", "quotactl_fd",
    "syslog", "vhangup", "iopl", "ioperm", "nfsservctl",
    // time
    "settimeofday", "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime", "clock_adjtime64",
    "stime",
    // memory placement over NUMA nodes
    "mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node", "move_pages", "migrate_pages"};

// "Not in this kernel": ENOSYS.
constexpr const char* kAbsent[] = {
    "clone3",  "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret",  "uselib",
    "ustat",   "sysfs",          "_sysctl",        "afs_syscall",       "tuxcall",       "security",
    "getpmsg", "putpmsg",        "vserver",        "epoll_ctl_old",     "epoll_wait_old"};
// The same, by number: libseccomp of this age does not know their names.
constexpr uint32_t kAbsentNumbers[] = {457 /* statmount */, 458 /* listmount */, 459 /* lsm_get_self_attr */,
                                       460 /* lsm_set_self_attr */, 461 /* lsm_list_modules */};
// Numbers that 64-bit programs have no use for: the kernel hands them out again (uretprobe is 335 on x86-64).
#if defined(__x86_64__)
constexpr uint32_t kGapFirst = 335;
#else
constexpr uint32_t kGapFirst = 295;
#endif
constexpr uint32_t kGapLast = 423;

constexpr uint32_t kNamespaceFlags =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kNoFamily = SECCOMP_RET_ERRNO | EAFNOSUPPORT;

class Program {
 public:
  void load(uint32_t offset) { code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
  // The low half of argument `index`: what the kernel looks at for an int argument.
  void load_argument(int index) { load(offsetof(seccomp_data, args) + 8 * static_cast<uint32_t>(index)); }
  void ret(uint32_t action) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
  void ret_if_equal(uint32_t value, uint32_t action) { branch(BPF_JEQ, value, 0, 1, action); }
  void ret_unless_equal(uint32_t value, uint32_t action) { branch(BPF_JEQ, value, 1, 0, action); }
  void ret_if_above(uint32_t value, uint32_t action) { branch(BPF_JGT, value, 0, 1, action); }
  void ret_if_between(uint32_t first, uint32_t last, uint32_t action) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 2, 0));
    branch(BPF_JGE, first, 0, 1, action);
  }
  void ret_if_any_bit(uint32_t bits, uint32_t action) { branch(BPF_JSET, bits, 0, 1, action); }

  // Instructions that run only for system call `number` and end with a verdict.
  template <class F>
  void on_call(const char* name, F&& check) {
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) return;
    size_t jump = code_.size();
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 0));
    check(*this);
    code_[jump].jf = static_cast<uint8_t>(code_.size() - jump - 1);
  }

  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void branch(uint16_t test, uint32_t value, uint8_t if_true, uint8_t if_false, uint32_t action) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, if_true, if_false));
    ret(action);
  }

  std::vector<sock_filter> code_;
};

void refuse(Program& program, const char* name, uint32_t action) {
  int number = seccomp_syscall_resolve_name(name);  // negative: not a call of this architecture
  if (number >= 0) program.ret_if_equal(static_cast<uint32_t>(number), action);
}

// Local and internet sockets, and routing netlink, which getifaddrs() and language run-times use to list
// addresses.
void check_socket(Program& program) {
  program.load_argument(0);
  program.ret_if_equal(AF_UNIX, kAllow);
  program.ret_if_equal(AF_INET, kAllow);
  program.ret_if_equal(AF_INET6, kAllow);
  program.ret_unless_equal(AF_NETLINK, kNoFamily);
  program.load_argument(2);
  program.ret_if_equal(NETLINK_ROUTE, kAllow);
  program.ret(kNoFamily);
}

}  // namespace

std::vector<sock_filter> sandbox_filter() {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.ret_unless_equal(kArchitecture, SECCOMP_RET_KILL_PROCESS);
  program.load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  program.ret_if_any_bit(kX32Bit, SECCOMP_RET_KILL_PROCESS);
#endif
  program.ret_if_above(kLastReviewed, kEnosys);
  program.ret_if_between(kGapFirst, kGapLast, kEnosys);

  program.on_call("socket", check_socket);
  program.on_call("clone", [](Program& p) {
    p.load_argument(0);
    p.ret_if_any_bit(kNamespaceFlags, kEperm);
    p.ret(kAllow);
  });
  program.on_call("ioctl", [](Program& p) {
    p.load_argument(1);
    p.ret_if_equal(TIOCSTI, kEperm);
    p.ret_if_equal(TIOCLINUX, kEperm);
    p.ret(kAllow);
  });
  program.on_call("personality", [](Program& p) {
    p.load_argument(0);
    p.ret_if_equal(0, kAllow);
    p.ret_if_equal(0xffffffff, kAllow);  // asks, changes nothing
    p.ret(kEperm);
  });
  for (const char* name : kForbidden) refuse(program, name, kEperm);
  for (const char* name : kAbsent) refuse(program, name, kEnosys);
  for (uint32_t number : kAbsentNumbers) program.ret_if_equal(number, kEnosys);
  program.ret(kAllow);
  return program.take();
}

int load_filter(const sock_fprog& program) noexcept {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return errno;
  return 0;
}

}  // namespace osb::sys
