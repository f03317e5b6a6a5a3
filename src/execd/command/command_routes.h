// POST /command, DELETE /command, GET /command/status/{id}, GET /command/{id}/logs.
#pragma once

#include "execd/command/command_request.h"
#include "execd/command/commands.h"
#include "execd/retries.h"
#include "http/router.h"

namespace osb::execd {

struct CommandServiceOptions {
  CommandDefaults defaults;
  bool strip_line_terminators = false;  // the old form of texts for every client, not only for old ones
};

// Starts `text` as POST /command does for this client with nothing else in its body. Throws like that.
std::shared_ptr<Execution> start_shell_command(Commands& commands, const CommandServiceOptions& options,
                                               const http::Request& request, std::string text,
                                               bool background);

// `commands` and `retries` outlive the router.
void add_command_routes(http::Router& router, Commands& commands, Retries& retries,
                        CommandServiceOptions options);

}  // namespace osb::execd
