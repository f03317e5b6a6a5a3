// POST /pty, GET /pty/{id}, DELETE /pty/{id}, GET /pty/{id}/ws.
#pragma once

#include "execd/pty/pty_sessions.h"
#include "http/router.h"

namespace osb::execd {

// `sessions` outlives the router.
void add_pty_routes(http::Router& router, PtySessions& sessions);

}  // namespace osb::execd
