// Output while it comes, and a run that is stopped from another thread.
#include <opensandbox/opensandbox.h>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int main() {
  auto sandbox = opensandbox::Sandbox::create({.image = "host"});
  auto commands = sandbox.commands();

  opensandbox::Handlers handlers;
  handlers.on_init = [](const auto& init) { std::cout << "running " << init.id << '\n'; };
  handlers.on_stdout = [](const auto& output) { std::cout << output.text << std::flush; };
  handlers.on_stderr = [](const auto& output) { std::cerr << output.text; };
  auto run = commands.run("for i in 1 2 3; do echo $i; sleep 0.1; done; exit 7", {.timeout = 10s}, handlers);
  std::cout << "exit code " << *run.exit_code << '\n';

  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(300ms);
    stop.request_stop();
  });
  auto stopped = opensandbox::attempt([&] { return commands.run("sleep 600", {}, {}, stop.get_token()); });
  std::cout << (stopped ? "ended" : opensandbox::to_string(stopped.error().code())) << '\n';
  sandbox.kill();
}
