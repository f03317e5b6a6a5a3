#include "server/runtime_errors.h"

#include <string>

namespace osb::server {

namespace {
std::string code_or(const Error& error, std::string_view otherwise) {
  return error.wire().empty() ? std::string(otherwise) : error.wire();
}
}  // namespace

Error image_error(const Error& from) {
  ErrorCode code = from.code() == ErrorCode::not_found ? ErrorCode::invalid : from.code();
  return Error(
      code, from.message(),
      code_or(from, code == ErrorCode::invalid ? "NATIVE::IMAGE_NOT_FOUND" : "NATIVE::IMAGE_UNAVAILABLE"));
}

Error create_error(const Error& from) {
  switch (from.code()) {
    case ErrorCode::invalid:
      return Error(from.code(), from.message(), code_or(from, "SANDBOX::INVALID_ENTRYPOINT"));
    case ErrorCode::too_large:  // of entrypoint and environment, not of the body
      return Error(ErrorCode::invalid, from.message(), code_or(from, "SANDBOX::INVALID_PARAMETER"));
    case ErrorCode::exhausted:
      return Error(from.code(), from.message(), code_or(from, "NATIVE::CAPACITY_EXHAUSTED"));
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::unsupported:
      return Error(from.code(), from.message(), code_or(from, "NATIVE::RUNTIME_UNAVAILABLE"));
    // What is left cannot be the caller's doing, whatever the runtime calls it.
    default:
      return Error(ErrorCode::internal, from.message(), code_or(from, "DOCKER::SANDBOX_START_FAILED"));
  }
}

Error store_error(const Error& from) {
  auto with = [&](std::string_view code) { return Error(from.code(), from.message(), code_or(from, code)); };
  switch (from.code()) {
    case ErrorCode::invalid:
      return with("IMAGE::INVALID_ARCHIVE");
    case ErrorCode::unsupported:
      return with("IMAGE::UNSUPPORTED_ARCHIVE");
    case ErrorCode::not_found:
      return with("IMAGE::NOT_FOUND");
    case ErrorCode::conflict:
      return with("IMAGE::IN_USE");
    case ErrorCode::too_large:
      return with("IMAGE::TOO_LARGE");
    case ErrorCode::exhausted:
      return with("IMAGE::STORE_FULL");
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
      return with("NATIVE::RUNTIME_UNAVAILABLE");
    default:
      return with("IMAGE::STORE_FAILED");
  }
}

Error change_error(const Error& from, std::string_view doing, std::string_view conflict_code,
                   std::string_view failure_code) {
  std::string message = std::string(doing) + " the sandbox: " + from.message();
  if (from.code() == ErrorCode::conflict || from.code() == ErrorCode::not_found)
    return Error(ErrorCode::conflict, std::move(message), std::string(conflict_code));
  if (from.code() == ErrorCode::unavailable || from.code() == ErrorCode::timeout)
    return Error(from.code(), std::move(message), code_or(from, "NATIVE::RUNTIME_UNAVAILABLE"));
  return Error(ErrorCode::internal, std::move(message), std::string(failure_code));
}

}  // namespace osb::server
