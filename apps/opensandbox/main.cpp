// opensandbox: the server, the launcher that it starts, and the commands of an operator, in one file.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"
#include "commands.h"

int main(int argc, char** argv) {
  CLI::App app("OpenSandbox: sandboxes for programs that nobody has checked.\n");
  app.name("opensandbox");
  app.set_version_flag("--version", OSB_VERSION);
  app.require_subcommand(1);
  app.footer("Run `opensandbox COMMAND --help` for its options.");

  osb::Action action;
  osb::add_server_command(app, action);
  osb::add_image_command(app, action);
  osb::add_internal_commands(app, action);
  CLI11_PARSE(app, argc, argv);
  try {
    return action ? action() : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "opensandbox: %s\n", error.what());
    return 1;
  }
}
