// POST /session, POST /session/{id}/run, DELETE /session/{id}.
#pragma once

#include "execd/retries.h"
#include "execd/session/sessions.h"
#include "http/router.h"

namespace osb::execd {

// `sessions` and `retries` outlive the router. `strip_line_terminators`: the old form of texts for every
// client, not only for old ones.
void add_session_routes(http::Router& router, Sessions& sessions, Retries& retries,
                        bool strip_line_terminators);

}  // namespace osb::execd
