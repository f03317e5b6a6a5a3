// POST /pty, GET /pty/{id}, DELETE /pty/{id}, GET /pty/{id}/ws.
#pragma once

#include "execd/pty/pty_sessions.h"
#include "execd/retries.h"
#include "http/router.h"

namespace osb::execd {

// POST takes an Idempotency-Key: a retry gets the first session. Both outlive the router.
void add_pty_routes(http::Router& router, PtySessions& sessions, Retries& retries);

}  // namespace osb::execd
