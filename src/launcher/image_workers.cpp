// The child goes on as a copy of the launcher instead of another program: it needs nothing from the file
// system then, and the launcher has one thread, so that everything may be called in it. It closes what it
// does not need before it reads a byte.
#include "launcher/image_workers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "launcher/image_job.h"
#include "sys/capabilities.h"
#include "sys/pidfd.h"
#include "sys/seccomp.h"

namespace osb::launcher {

namespace {

constexpr size_t kMaxWorkers = 16;
constexpr int kSocket = 3;
// The server gives up a silent client after a minute; this is for a server that hangs itself.
constexpr timeval kLongestSilence{.tv_sec = 180, .tv_usec = 0};
// Above the window of any archive that xz or zstd write unless told to use more.
[[maybe_unused]] constexpr rlim_t kMaxMemory = rlim_t{1} << 30;
constexpr rlim_t kMaxFiles = 256;

constexpr sys::CapabilitySet kFileCapabilities =
    sys::capability_set({CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP});

void check_errno(int error, const char* doing) {
  if (error != 0) throw system_error(doing, error);
}

void limit(int resource, rlim_t value) {
  rlimit bound{value, value};
  check(::setrlimit(static_cast<__rlimit_resource>(resource), &bound), "limiting an image worker");
}

void give_up_at_silence(int socket) {
  int flags = ::fcntl(socket, F_GETFL);
  check(::fcntl(socket, F_SETFL, flags & ~O_NONBLOCK), "making the connection blocking");
  check(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kLongestSilence, sizeof kLongestSilence),
        "setting the longest silence");
}

// At kSocket, with nothing above it.
void keep_only(Fd connection) {
  if (connection) check(::dup2(connection.get(), kSocket), "moving the connection");
  connection.release();
  check(::syscall(SYS_close_range, kSocket + 1, ~0u, 0), "closing descriptors");
}

// From here on the store is "/".
void confine(int images, const sock_fprog& filter) {
  ::prctl(PR_SET_NAME, "osb-image", 0, 0, 0);
  ::setpriority(PRIO_PROCESS, 0, 10);
  check(::unshare(CLONE_NEWNET | CLONE_NEWIPC), "leaving the network");
  check(::fchdir(images), "entering the image store");
  check(::chroot("."), "making the image store the root");
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbidding core dumps");
  limit(RLIMIT_NOFILE, kMaxFiles);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)  // their shadow is larger
  limit(RLIMIT_AS, kMaxMemory);
#endif
  check_errno(sys::limit_capabilities(kFileCapabilities), "giving up capabilities");
  check_errno(sys::load_filter(filter), "loading the system call filter");
}

// Answers `request` on the connection; without one it only sweeps the store.
[[noreturn]] void work(pid_t launcher, Fd connection, const Request* request, int images,
                       const sock_fprog& filter) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != launcher) ::_exit(1);
  configure_log(LogLevel::info, STDERR_FILENO, "image");  // the launcher's own descriptor is closed below
  try {
    confine(images, filter);
    keep_only(std::move(connection));
    ImageStore store = ImageStore::open("/");
    if (!request) {
      store.sweep();
    } else {
      give_up_at_silence(kSocket);
      serve_image_request(kSocket, store, *request);
    }
    ::_exit(0);
  } catch (const std::exception& e) {
    log_error("an image worker failed", {{"error", e.what()}});
  }
  ::_exit(1);
}

void refuse(const Fd& connection, uint64_t number, const Error& error) {
  std::string packet = encode(Reply{number, ErrorReply{error.code(), error.message()}});
  ::send(connection.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

ImageWorkers::ImageWorkers(Poller& poller, const Site& site, std::function<void()> on_change)
    : poller_(poller), site_(site), on_change_(std::move(on_change)) {}

void ImageWorkers::start(Fd connection, const Request& request) {
  try {
    if (workers_.size() >= kMaxWorkers)
      throw Error(ErrorCode::unavailable, "changing the image store: too much else is being done to it");
    launch(connection, &request);
  } catch (const Error& error) {
    log_warn("an image worker could not be started", {{"error", error.message()}});
    refuse(connection, request.number, error);
  }
}

void ImageWorkers::sweep() {
  try {
    Fd none;
    launch(none, nullptr);
  } catch (const Error& error) {
    log_warn("the image store is not swept", {{"error", error.message()}});
  }
}

void ImageWorkers::launch(Fd& connection, const Request* request) {
  sock_fprog filter{static_cast<unsigned short>(site_.filter.size()),
                    const_cast<sock_filter*>(site_.filter.data())};
  pid_t launcher = ::getpid();
  pid_t child = check(::fork(), "starting an image worker");
  if (child == 0) work(launcher, std::move(connection), request, site_.images.get(), filter);
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!pidfd) {
    int error = errno;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    throw system_error("watching an image worker", error);
  }
  uint64_t number = ++last_;
  Worker& worker = workers_[number];
  worker.pidfd = std::move(pidfd);
  worker.watch = poller_.watch(worker.pidfd.get(), EPOLLIN, [this, number](uint32_t) { reap(number); });
}

void ImageWorkers::reap(uint64_t number) {
  auto found = workers_.find(number);
  std::optional<int> status = sys::try_reap(found->second.pidfd);
  if (!status) return;
  if (*status != 0) log_warn("an image worker ended badly", {{"status", *status}});
  found->second.watch.reset();
  workers_.erase(found);
  on_change_();
}

}  // namespace osb::launcher
