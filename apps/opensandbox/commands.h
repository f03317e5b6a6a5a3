// The subcommands of `opensandbox`, each in its own file. A command adds itself to the command line; what it
// does runs later, from its callback, and throws Error for the user to read.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace osb {

// Set by the chosen subcommand; main() runs it after the command line is read.
using Action = std::function<int()>;

void add_server_command(CLI::App& app, Action& action);
void add_image_command(CLI::App& app, Action& action);
// `supervisor` and `launcher`: started by the server, hidden from --help.
void add_internal_commands(CLI::App& app, Action& action);

}  // namespace osb
