// An entrypoint for tests of execd as a wrapper: static, needs nothing but the kernel. What it does is its
// arguments:
//   exit N                       ends with status N
//   kill N                       dies of signal N
//   report                       prints "ready", then the number of each signal; SIGTERM ends it with status
//   5 orphan                       leaves a child of a child behind that ends at once, then ends with 0 after
//   SIGTERM ask PORT METHOD PATH [BODY]  prints the answer of 127.0.0.1:PORT env NAME prints the value
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace {

int report() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  puts("ready");
  fflush(stdout);
  for (int number; sigwait(&all, &number) == 0;) {
    if (number == SIGTERM) return 5;
    printf("%d\n", number);
    fflush(stdout);
  }
  return 1;
}

int orphan() {
  if (fork() == 0) {
    if (fork() == 0) {
      usleep(50000);
      _exit(0);
    }
    _exit(0);
  }
  wait(nullptr);
  return report() == 5 ? 0 : 1;
}

int ask(int port, const std::string& method, const std::string& path, const std::string& body) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return 9;
  std::string text = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body;
  if (write(fd, text.data(), text.size()) < 0) return 9;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
    if (write(1, buffer, static_cast<size_t>(n)) < 0) return 9;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "";
  auto word = [&](int i) { return argc > i ? std::string(argv[i]) : std::string(); };
  if (what == "exit") return atoi(word(2).c_str());
  if (what == "kill") {
    raise(atoi(word(2).c_str()));
    pause();
  }
  if (what == "report") return report();
  if (what == "orphan") return orphan();
  if (what == "ask") return ask(atoi(word(2).c_str()), word(3), word(4), word(5));
  if (what == "env") {
    const char* value = getenv(word(2).c_str());
    puts(value ? value : "(none)");
    return 0;
  }
  return 99;
}
