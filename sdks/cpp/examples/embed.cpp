// Embeds a server: starts `opensandbox server` as a child on an address of its own, uses it, and ends it.
// usage: embed PROGRAM HOST:PORT STATE-DIRECTORY (needs the rights that the server needs)
#include <opensandbox/opensandbox.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  pid_t server = fork();
  if (server == 0) {
    execl(argv[1], argv[1], "server", "--listen", argv[2], "--state", argv[3], nullptr);
    _exit(127);
  }
  int status = 1;
  try {
    opensandbox::ConnectionConfig config{.domain = argv[2]};
    opensandbox::Manager manager(config);
    for (int i = 0; i < 300 && !manager.healthy(); i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    auto sandbox = opensandbox::Sandbox::create({.image = "host"}, config);
    std::cout << sandbox.commands().run("echo embedded").text() << '\n';
    sandbox.kill();
    status = 0;
  } catch (const opensandbox::Error& error) {
    std::cerr << error.what() << '\n';
  }
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  return status;
}
