#include "launcher/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "launcher/connection.h"
#include "launcher/image_job.h"
#include "launcher/image_workers.h"
#include "launcher/network.h"
#include "launcher/poller.h"
#include "launcher/resolver.h"
#include "launcher/sandboxes.h"
#include "launcher/site.h"
#include "launcher/supervisor.h"
#include "launcher/sweep.h"
#include "launcher/trash.h"
#include "sys/cgroup.h"

namespace osb::launcher {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartGrace{10'000};
constexpr milliseconds kIdleGrace{3'000};
// How long the record of an ended sandbox alone keeps us: a server that comes back wants to read it.
constexpr milliseconds kRecordGrace{60'000};
constexpr milliseconds kRefreshPause{5'000};
constexpr size_t kMaxClients = 16;

Fd block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  check(::sigprocmask(SIG_BLOCK, &set, nullptr), "blocking signals");
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "reading signals"));
}

// Owned by the server's uid and closed to everybody else from the moment it exists. The directory is entered
// by descriptor: the path may be longer than a socket address holds.
Fd listen_at(const std::string& path, uint32_t owner) {
  size_t slash = path.rfind('/');
  std::string name = path.substr(slash + 1);
  Fd directory(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(directory.get(), "opening the directory of " + path);
  Fd fd(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
              "opening the launcher's socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string short_path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + name;
  if (short_path.size() >= sizeof address.sun_path)
    throw Error(ErrorCode::invalid, "opening the launcher's socket: the name is too long: " + name);
  memcpy(address.sun_path, short_path.data(), short_path.size());
  if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    throw system_error("replacing " + path);
  mode_t before = ::umask(0177);
  int bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  int error = errno;
  ::umask(before);
  if (bound != 0) throw system_error("binding " + path, error);
  check(::fchownat(directory.get(), name.c_str(), owner, static_cast<gid_t>(-1), AT_SYMLINK_NOFOLLOW),
        "handing over " + path);
  check(::listen(fd.get(), 16), "listening at " + path);
  return fd;
}

class Launcher {
 public:
  explicit Launcher(const LauncherOptions& options)
      : signals_(block_signals()),
        site_(open_site(options)),
        trash_(site_.trash.get()),
        cgroups_(site_.names.cgroup),
        swept_((sweep(site_, cgroups_, trash_), true)),
        network_(site_.names, resolver_.name_servers()),
        sandboxes_(
            {site_, poller_, network_, cgroups_, trash_, resolver_}, options.max_memory_bytes,
            options.max_slots, [this](SandboxInfo info) { broadcast({0, ExitEvent{std::move(info)}}); },
            [this] { reconsider(); }),
        images_(poller_, site_, [this] { reconsider(); }),
        listener_(listen_at(options.socket_path, options.server_uid)),
        boot_id_(new_hex_id()) {}

  void run() {
    on_signal_ = poller_.watch(signals_.get(), EPOLLIN, [this](uint32_t) { shut_down(); });
    on_accept_ = poller_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept(); });
    idle_ = poller_.after(kStartGrace, [this] { leave_if_idle(); });
    refresh_ = poller_.after(kRefreshPause, [this] { refresh(); });
    images_.sweep();
    log_info("launcher ready", {{"tag", site_.names.tag},
                                {"block", sys::ipv4_text(network_.block().first) + "/19"},
                                {"overlay", site_.overlay_options}});
    poller_.run();
    ::unlink(site_.options.socket_path.c_str());
    network_.remove();
    cgroups_.remove();
  }

 private:
  void accept() {
    try {
      accept_client();
    } catch (const Error& e) {  // of one client; it must not end the sandboxes of all
      log_warn("refusing a client of the launcher", {{"error", e.message()}});
    }
  }

  void accept_client() {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    uint32_t uid = peer_uid(fd);
    if (uid != 0 && uid != site_.options.server_uid) {
      log_warn("refusing a client of the launcher", {{"uid", uid}});
      return;
    }
    if (clients_.size() >= kMaxClients) {
      log_warn("refusing a client of the launcher: too many");
      return;
    }
    uint64_t number = ++last_client_;
    auto client = std::make_shared<Connection>(
        poller_, std::move(fd),
        Connection::Events{.request = [this, number](Request request) { handle(number, std::move(request)); },
                           .closed = [this, number] { drop(number); }});
    clients_.emplace(number, client);
    client->send({0, HelloEvent{kProtocolVersion, boot_id_}});
    reconsider();
  }

  // The answer may come when the client is long gone: then the server's journal and the list settle it.
  void handle(uint64_t client, Request request) {
    if (is_image_request(request.body)) return hand_over(client, request);
    sandboxes_.handle(std::move(request.body), [this, client, number = request.number](ReplyBody body) {
      auto found = clients_.find(client);
      if (found != clients_.end()) found->second->send({number, std::move(body)});
    });
  }

  void hand_over(uint64_t client, const Request& request) {
    auto found = clients_.find(client);
    if (found == clients_.end()) return;
    images_.start(found->second->release(), request);
    drop(client);
  }

  void drop(uint64_t number) {
    auto node = clients_.extract(number);
    if (node.empty()) return;
    poller_.defer([this, dead = std::move(node.mapped())] { reconsider(); });
  }

  void broadcast(const Reply& event) {
    auto all = clients_;  // a send may drop a client
    for (auto& [number, client] : all) client->send(event);
  }

  void shut_down() {
    if (ending_) return;
    ending_ = true;
    log_info("launcher ends on a signal", {{"sandboxes", sandboxes_.count()}});
    on_signal_.reset();
    on_accept_.reset();
    sandboxes_.destroy_all();
    reconsider();
  }

  void refresh() {
    network_.refresh();
    if (!ending_) sandboxes_.refresh();
    try {
      site_.options.keep_supervised();
      bound_launcher_log(site_.root.get(), {STDOUT_FILENO, STDERR_FILENO});
    } catch (const Error& e) {
      if (!std::exchange(complained_, true)) log_warn("keeping house failed", {{"error", e.message()}});
    }
    refresh_ = poller_.after(kRefreshPause, [this] { refresh(); });
  }

  bool idle() const { return clients_.empty() && sandboxes_.alive() == 0 && images_.count() == 0; }

  void reconsider() {
    if (ending_) {
      if (sandboxes_.empty()) poller_.stop();
    } else if (!idle()) {
      idle_.reset();
    } else {
      idle_ = poller_.after(sandboxes_.count() == 0 ? kIdleGrace : kRecordGrace, [this] { leave_if_idle(); });
    }
  }

  void leave_if_idle() {
    idle_.reset();
    if (!idle()) return;
    log_info("launcher ends: nothing left to do");
    ending_ = true;
    on_accept_.reset();
    sandboxes_.destroy_all();
    reconsider();
  }

  Fd signals_;
  Site site_;
  Trash trash_;
  Resolver resolver_;
  sys::CgroupTree cgroups_;
  bool swept_;
  Network network_;
  Poller poller_;  // after what sandboxes hold on to: its deferred work may own the last of them
  Sandboxes sandboxes_;
  ImageWorkers images_;
  Fd listener_;
  std::string boot_id_;
  std::map<uint64_t, std::shared_ptr<Connection>> clients_;
  uint64_t last_client_ = 0;
  bool ending_ = false;
  bool complained_ = false;
  Poller::Watch on_signal_, on_accept_;
  Poller::Timer idle_, refresh_;
};

}  // namespace

int run_launcher(const LauncherOptions& options) {
  try {
    Launcher launcher(options);
    launcher.run();
    return 0;
  } catch (const std::exception& e) {
    log_error("launcher cannot work", {{"error", e.what()}});
    return 1;
  }
}

}  // namespace osb::launcher
