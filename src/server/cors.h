// Cross-origin rules for browser clients: any origin, any method, any header. The key, where one is set, is
// the guard.
#pragma once

#include "http/server.h"

namespace osb::server {

// Adds what every answer carries.
void add_cors_headers(const http::Request& request, http::ResponseWriter& response);

bool is_preflight(const http::Request& request);
// Answered before the key is looked at: browsers send none with it.
http::Response preflight_answer(const http::Request& request);

}  // namespace osb::server
