// The HTTP face of code contexts: POST and DELETE /code, /code/context, /code/contexts.
#pragma once

#include <functional>
#include <string>

#include "execd/code/contexts.h"
#include "http/router.h"
#include "net/task.h"

namespace osb::execd {

// DELETE /code also stops commands, as DELETE /command also interrupts contexts: asked for ids that are no context's.
// Returns false when the id is not known there either; may throw Error.
using InterruptElsewhere = std::function<net::task<bool>(std::string id)>;

// `contexts` must outlive the router.
void add_code_routes(http::Router& router, CodeContexts& contexts, InterruptElsewhere elsewhere = {});

}  // namespace osb::execd
