// The HTTP face of code contexts: POST and DELETE /code, /code/context, /code/contexts.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "execd/code/contexts.h"
#include "execd/retries.h"
#include "http/router.h"
#include "net/task.h"

namespace osb::execd {

// DELETE /code also ends commands, as DELETE /command also interrupts contexts: called with ids that are no
// context's. Throws Error(not_found) when nobody knows the id.
using InterruptElsewhere = std::function<net::task<>(std::string id)>;

// Starts a shell command with the settings of POST /command. The request tells what its client understands.
// Throws what that does.
using RunInShell = std::function<std::shared_ptr<Execution>(const http::Request& request, std::string code,
                                                            bool background)>;

// `contexts` and `retries` must outlive the router.
void add_code_routes(http::Router& router, CodeContexts& contexts, Retries& retries, RunInShell run_in_shell,
                     InterruptElsewhere elsewhere = {});

}  // namespace osb::execd
