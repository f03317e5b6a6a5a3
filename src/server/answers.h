// Responses of the lifecycle API, and the one place where failures become responses.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace osb::server {

http::Response json_answer(int status, std::string json);
http::Response empty_answer(int status);

// {"code","message"} with the status of http/status.h; 422 with "detail" for ValidationError; "Retry-After"
// where trying again helps.
http::Response failure_answer(const Error& error);
// Any failure of a handler. What is neither Error nor ValidationError becomes a 500 that tells nothing; the
// cause of every 500 is logged under the request's id.
http::Response failure_answer(std::exception_ptr failure, std::string_view request_id);

// The answers of the router, with "detail" as older readers know it.
http::Response no_route_answer();
http::Response wrong_method_answer(const std::string& allowed);

}  // namespace osb::server
