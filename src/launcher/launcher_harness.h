// For tests: a real launcher process on a temporary state directory, a client of its socket, and a way to
// talk to the guest program (tests/testcases/guest.cpp) that stands in for execd.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "launcher/launcher.h"
#include "launcher/naming.h"
#include "launcher/protocol.h"

namespace osb::launcher::test {

namespace fs = std::filesystem;

template <class F>
bool eventually(F&& condition, int milliseconds = 5000) {
  for (int i = 0; i < milliseconds; i += 5) {
    if (condition()) return true;
    ::usleep(5000);
  }
  return condition();
}

// Connects by the descriptor of the directory: the path may be longer than a socket address holds.
inline bool connect_to_path(int socket, const std::string& path) {
  size_t slash = path.rfind('/');
  Fd directory(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string there = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
  strncpy(address.sun_path, there.c_str(), sizeof address.sun_path - 1);
  return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

// A blocking client. Events are kept aside while an answer is waited for.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    if (!connect_to_path(fd_.get(), path))
      throw std::runtime_error("connect " + path + ": " + strerror(errno));
  }

  // nullopt when the time is over or the launcher closed the connection.
  std::optional<Reply> receive(int milliseconds = 15000) {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, milliseconds) != 1) return std::nullopt;
    std::string packet(kMaxPacket, '\0');
    ssize_t n = ::recv(fd_.get(), packet.data(), packet.size(), 0);
    if (n <= 0) return std::nullopt;
    return decode_reply(std::string_view(packet).substr(0, static_cast<size_t>(n)));
  }

  // The other end has closed.
  bool gone() const {
    char byte;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 || errno != EAGAIN;
  }

  uint64_t send(RequestBody body) {
    std::string packet = encode(Request{++number_, std::move(body)});
    if (::send(fd_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0)
      throw std::runtime_error("send failed");
    return number_;
  }
  void send_raw(const std::string& packet) {
    (void)!::send(fd_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
  }

  ReplyBody wait_for(uint64_t number) {
    for (;;) {
      auto reply = receive();
      if (!reply) throw std::runtime_error("no answer");
      if (reply->number == number) return reply->body;
      kept_.push_back(std::move(*reply));
    }
  }
  ReplyBody call(RequestBody body) { return wait_for(send(std::move(body))); }

  // Next event of that kind, kept or new.
  template <class Event>
  std::optional<Event> event(int milliseconds = 5000) {
    for (;;) {
      for (auto at = kept_.begin(); at != kept_.end(); ++at) {
        if (auto* found = std::get_if<Event>(&at->body)) {
          Event event = *found;
          kept_.erase(at);
          return event;
        }
      }
      auto reply = receive(milliseconds);
      if (!reply) return std::nullopt;
      kept_.push_back(std::move(*reply));
    }
  }

 private:
  Fd fd_;
  uint64_t number_ = 0;
  std::deque<Reply> kept_;
};

// One launcher and its directories.
class Machine {
 public:
  Machine() {
    char name[] = "/tmp/osb-launcher-test-XXXXXX";
    if (!::mkdtemp(name)) throw std::runtime_error("mkdtemp failed");
    root_ = name;
    ::chmod(name, 0755);
    for (const char* path :
         {"state", "guest/opt/opensandbox", "host/etc", "host/usr", "host/root", "host/proc", "host/sys",
          "host/dev", "host/tmp", "images/tiny/rootfs/etc", "images/tiny/rootfs/data"})
      fs::create_directories(root_ + "/" + path);
    for (const char* name : {"bin", "sbin", "lib", "lib64"})
      fs::create_symlink(std::string("usr/") + name, root_ + "/host/" + name);
    fs::copy_file(OSB_TEST_GUEST, root_ + "/guest/opt/opensandbox/execd");
    std::ofstream lock(root_ + "/images/tiny/lock");
    std::ofstream(root_ + "/images/tiny/rootfs/data/file") << "from the image";
    options_ = {root_ + "/state", root_ + "/images", 0, root_ + "/socket",
                root_ + "/guest", root_ + "/host",   0};
    names_ = names_for(fs::canonical(options_.state_dir).string());
  }
  Machine(const Machine&) = delete;
  ~Machine() {
    stop();
    fs::remove_all(root_);
  }

  LauncherOptions& options() { return options_; }
  const Names& names() const { return names_; }
  pid_t pid() const { return pid_; }
  std::string path(const std::string& below) const { return root_ + "/" + below; }

  void start() {
    pid_ = ::fork();
    if (pid_ == 0) {
      int log = ::open((root_ + "/launcher.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      configure_log(LogLevel::info, log, "launcher");
      ::_exit(run_launcher(options_));
    }
    for (int i = 0; i < 2000 && !connectable(); i++) ::usleep(5000);
  }
  Client connect() {
    Client client(options_.socket_path);
    hello_ = client.event<HelloEvent>();
    return client;
  }
  const std::optional<HelloEvent>& hello() const { return hello_; }

  int wait() {
    int status = -1;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  void kill(int signal) {
    if (pid_ > 0) ::kill(pid_, signal);
  }
  // Status of an orderly end.
  int stop() {
    kill(SIGTERM);
    return wait();
  }
  std::string log() const {
    std::ifstream in(root_ + "/launcher.log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // What is left of sandboxes in the kernel and on disk, one line each.
  std::vector<std::string> leftovers() const {
    std::vector<std::string> found;
    for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory",
                             "/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified"}) {
      fs::path tree = fs::path(root) / names_.cgroup;
      if (!fs::exists(tree)) continue;
      for (const auto& entry : fs::directory_iterator(tree))
        if (entry.is_directory()) found.push_back(entry.path());
    }
    for (const auto& entry : fs::directory_iterator("/sys/class/net"))
      if (entry.path().filename().string().starts_with(names_.link_prefix)) found.push_back(entry.path());
    for (const char* directory : {"sandboxes", "trash"}) {
      fs::path path = options_.state_dir + "/launcher/" + directory;
      if (!fs::exists(path)) continue;
      for (const auto& entry : fs::directory_iterator(path)) found.push_back(entry.path());
    }
    return found;
  }

 private:
  bool connectable() const {
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    return connect_to_path(fd.get(), options_.socket_path);
  }

  std::string root_;
  LauncherOptions options_;
  Names names_;
  pid_t pid_ = -1;
  std::optional<HelloEvent> hello_;
};

// One request to the guest; "unreachable" if nobody answers.
inline std::string ask(const std::string& address, const std::string& line, int port = 44772,
                       int seconds = 20) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &peer.sin_addr);
  timeval answer_within{seconds, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_within, sizeof answer_within);
  timeval connect_within{3, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &connect_within, sizeof connect_within);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) return "unreachable";
  std::string request = line + "\n";
  (void)!::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  return answer;
}

}  // namespace osb::launcher::test
