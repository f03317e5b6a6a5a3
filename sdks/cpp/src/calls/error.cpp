#include <opensandbox/error.h>

namespace opensandbox {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::capacity:
      return "capacity";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::unreachable:
      return "unreachable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::not_ready:
      return "not_ready";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::protocol:
      return "protocol";
    case ErrorCode::failed:
      return "failed";
    case ErrorCode::pool_empty:
      return "pool_empty";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::untrusted:
      return "untrusted";
  }
  return "internal";
}

Error::Error(ErrorCode code, std::string message, ErrorAnswer answer, bool retryable)
    : code_(code),
      text_(std::make_shared<const Text>(Text{std::move(message), std::move(answer), retryable})) {}

}  // namespace opensandbox
