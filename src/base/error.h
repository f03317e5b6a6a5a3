// One error type for the whole house. A code is protocol-free; http/ maps it to a status in one table
// (http/status.h), and `wire` optionally names the exact code string a client reads ("DOCKER::INVALID_PORT").
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace osb {

enum class ErrorCode {
  invalid,       // the caller's input is wrong
  unauthorized,  // no or wrong credentials
  not_found,     // the named thing does not exist
  conflict,      // the thing is in a state that forbids this
  exhausted,     // a limit or quota is reached; retry later may help
  too_large,     // input beyond a size limit
  unsupported,   // known, but not offered by this build or runtime
  unavailable,   // a part we depend on is not there now
  timeout,       // a deadline passed
  internal,      // our bug, or the kernel said no
};

std::string_view to_string(ErrorCode code);

// What went wrong: code, and a message of the form "<verb in progress> <object>: <cause>".
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, std::string wire = {})
      : code_(code), message_(std::move(message)), wire_(std::move(wire)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // Exact protocol code for the client, empty when the default of `code` is meant.
  const std::string& wire() const { return wire_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // The same error seen from one level up: "<doing>: <message>".
  Error while_doing(std::string_view doing) const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string wire_;
};

// "<doing>: <strerror(err)> (<name>)"; ENOENT maps to not_found, EACCES/EPERM to internal, ENOSPC, EMFILE,
// ENFILE, ENOMEM and EAGAIN to exhausted, the rest to internal.
Error system_error(std::string_view doing, int err);
// The same with the current errno.
Error system_error(std::string_view doing);
// Throws system_error(doing, errno) if result is negative; returns it otherwise.
template <class T>
T check(T result, std::string_view doing) {
  if (result < 0) throw system_error(doing);
  return result;
}

}  // namespace osb
