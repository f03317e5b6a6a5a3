// The one table from error codes to HTTP.
#pragma once

#include <string_view>

#include "base/error.h"

namespace osb::http {

// invalid 400, unauthorized 401, not_found 404, conflict 409, too_large 413, exhausted 429, unsupported 501,
// unavailable 503, timeout 504, internal 500. Codes of the protocol that demand another status are in the
// .cpp.
int status_of(const Error& error);
// The wire code when Error::wire() is empty: "INVALID_REQUEST_BODY", "NOT_FOUND", …
std::string_view default_wire_code(ErrorCode code);

}  // namespace osb::http
