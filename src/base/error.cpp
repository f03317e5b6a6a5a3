#include "base/error.h"

#include <errno.h>
#include <string.h>

namespace osb {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::exhausted:
      return "exhausted";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

Error Error::while_doing(std::string_view doing) const {
  return Error(code_, std::string(doing) + ": " + message_, wire_);
}

namespace {
ErrorCode code_of_errno(int err) {
  switch (err) {
    case ENOENT:
      return ErrorCode::not_found;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return ErrorCode::exhausted;
    default:
      return ErrorCode::internal;
  }
}
}  // namespace

Error system_error(std::string_view doing, int err) {
  const char* name = ::strerrorname_np(err);
  std::string message(doing);
  message += ": ";
  message += ::strerrordesc_np(err) ? ::strerrordesc_np(err) : "unknown error";
  if (name) message.append(" (").append(name).append(")");
  return Error(code_of_errno(err), std::move(message));
}

Error system_error(std::string_view doing) { return system_error(doing, errno); }

}  // namespace osb
