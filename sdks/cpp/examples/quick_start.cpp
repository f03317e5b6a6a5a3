// Makes a sandbox, runs a command in it, and throws it away. The server is taken from OPEN_SANDBOX_DOMAIN.
#include <opensandbox/opensandbox.h>

#include <iostream>

int main() {
  try {
    auto sandbox = opensandbox::Sandbox::create({.image = "host"});
    auto run = sandbox.commands().run("echo 'Hello OpenSandbox!'");
    std::cout << run.text() << '\n';
    sandbox.kill();
    return *run.exit_code;
  } catch (const opensandbox::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
