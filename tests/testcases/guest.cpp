// Stands in for execd in tests of the launcher: PID 1 of a sandbox, static, driven by the test.
//
// Descriptor 3 holds a word:  serve       report ready, then answer requests on TCP port 44772
//                             exit N      report ready, end with status N
//                             refuse TEXT report "E<TEXT>"
//                             die N       end with status N without a report
//                             hang        never report
// A request is a line, its answer everything up to the end of the connection. Failures answer "errno N".
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

namespace {

std::string failure() { return "errno " + std::to_string(errno); }

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  return text;
}

std::string read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY);
  if (fd < 0) return failure();
  std::string text = read_all(fd);
  close(fd);
  return text;
}

std::string write_file(const std::string& path, const std::string& text) {
  int fd = open(path.c_str(), O_WRONLY);
  if (fd < 0) return failure();
  std::string result = write(fd, text.data(), text.size()) < 0 ? failure() : "ok";
  close(fd);
  return result;
}

std::string connect_to(const std::string& address, int port, int type) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  if (fd < 0) return failure();
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &peer.sin_addr);
  std::string result = "ok";
  if (connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0 && errno != EINPROGRESS)
    result = failure();
  pollfd ready{fd, POLLOUT, 0};
  if (result == "ok" && type == SOCK_STREAM) {
    socklen_t size = sizeof errno;
    int error = ETIMEDOUT;
    if (poll(&ready, 1, 700) > 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) result = "errno " + std::to_string(error);
  }
  if (result == "ok" && type == SOCK_DGRAM && send(fd, "hello", 5, 0) != 5) result = failure();
  close(fd);
  return result;
}

std::string descriptors() {
  std::string list;
  for (int fd = 0; fd < 64; fd++)
    if (fcntl(fd, F_GETFD) >= 0) list += (list.empty() ? "" : " ") + std::to_string(fd);
  return list;
}

std::string bomb_forks() {
  std::vector<pid_t> made;
  std::string result;
  for (int i = 0; i < 5000; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
    if (pid < 0) {
      result = failure();
      break;
    }
    made.push_back(pid);
  }
  for (pid_t pid : made) kill(pid, SIGKILL);
  for (pid_t pid : made) waitpid(pid, nullptr, 0);
  return std::to_string(made.size()) + " " + result;
}

[[noreturn]] void use_memory() {
  for (;;) {
    volatile char* block =
        static_cast<char*>(malloc(1 << 20));  // volatile: the compiler may drop unread memory
    for (int i = 0; block && i < 1 << 20; i += 4096) block[i] = 1;
  }
}

std::string bomb_memory() {
  pid_t pid = fork();
  if (pid == 0) use_memory();
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit " + std::to_string(status);
}

std::string attempt(const std::string& what) {
  long result = 0;
  if (what == "mount") result = mount("tmpfs", "/tmp", "tmpfs", 0, nullptr);
  if (what == "umount") result = umount2("/proc/sys", MNT_DETACH);
  if (what == "unshare-user") result = unshare(CLONE_NEWUSER);
  if (what == "unshare-mount") result = unshare(CLONE_NEWNS);
  if (what == "ptrace") result = ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  if (what == "bpf") result = syscall(SYS_bpf, 0, nullptr, 0);
  if (what == "mknod") result = mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0));
  if (what == "mknod-mem") result = mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1));
  if (what == "packet") result = socket(AF_PACKET, SOCK_RAW, 0);
  if (what == "raw") result = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (what == "hostname") result = sethostname("x", 1);
  if (what == "chroot") result = chroot("/tmp");
  if (what == "handle") result = syscall(SYS_open_by_handle_at, 0, nullptr, 0);
  return result < 0 ? failure() : "ok";
}

std::string answer(const std::string& line) {
  std::istringstream in(line);
  std::string verb, a;
  in >> verb >> a;
  if (verb == "read") return read_file(a);
  if (verb == "write") {
    std::string text;
    in >> text;
    return write_file(a, text);
  }
  if (verb == "create") {
    int fd = open(a.c_str(), O_WRONLY | O_CREAT, 0644);
    if (fd < 0) return failure();
    close(fd);
    return "ok";
  }
  if (verb == "tcp" || verb == "udp") {
    int port = 0;
    in >> port;
    return connect_to(a, port, verb == "tcp" ? SOCK_STREAM : SOCK_DGRAM);
  }
  if (verb == "fds") return descriptors();
  if (verb == "forks") return bomb_forks();
  if (verb == "memory") return bomb_memory();
  if (verb == "memory-self") use_memory();
  if (verb == "try") {
    pid_t pid = fork();  // what succeeds must not change us
    if (pid != 0) {
      int status = 0;
      waitpid(pid, &status, 0);
      return read_file("/tmp/answer");
    }
    int fd = open("/tmp/answer", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::string text = attempt(a);
    if (fd < 0 || write(fd, text.data(), text.size()) < 0) _exit(1);
    _exit(0);
  }
  if (verb == "stat") {
    struct stat info;
    if (lstat(a.c_str(), &info) != 0) return failure();
    char text[64];
    snprintf(text, sizeof text, "%o", info.st_mode);
    return text;
  }
  if (verb == "exit") _exit(atoi(a.c_str()));
  return "unknown";
}

[[noreturn]] void serve() {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(44772);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 64) != 0)
    _exit(90);
  if (write(4, "R", 1) != 1) _exit(91);
  close(4);
  for (;;) {
    int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    std::string line;
    char c;
    while (read(client, &c, 1) == 1 && c != '\n') line += c;
    std::string text = answer(line);
    for (size_t at = 0; at < text.size();) {
      ssize_t n = write(client, text.data() + at, text.size() - at);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    close(client);
  }
}

}  // namespace

int main() {
  signal(SIGPIPE, SIG_IGN);
  std::istringstream boot(read_all(3));
  close(3);
  std::string mode;
  boot >> mode;
  if (mode == "serve") serve();
  if (mode == "hang")
    for (;;) pause();
  int number = 0;
  if (mode == "refuse") {
    std::string text;
    std::getline(boot >> std::ws, text);
    text = "E" + text;
    return write(4, text.data(), text.size()) > 0 ? 1 : 2;
  }
  boot >> number;
  if (mode == "exit") {
    if (write(4, "R", 1) != 1) return 92;
    close(4);
    usleep(50'000);
  }
  if (mode == "die") fprintf(stderr, "the guest dies on purpose\n");
  return number;
}
