// From an answer to the Error that tells of it: the status picks the code, the body gives the server's code
// and message.
#pragma once

#include <opensandbox/connection.h>

#include <optional>
#include <string>

#include "transport/request.h"

namespace opensandbox::detail {

// For an answer whose status is not as hoped for.
Error answer_error(const Reply& reply, const std::string& doing);
[[noreturn]] void throw_answer_error(const Reply& reply, const std::string& doing);
// For a good status with a body that makes no sense: Error(protocol).
[[noreturn]] void throw_unexpected(const Reply& reply, const std::string& doing, const std::string& why);
// The header Retry-After in seconds or as a date.
std::optional<Milliseconds> retry_after(const Reply& reply);

}  // namespace opensandbox::detail
