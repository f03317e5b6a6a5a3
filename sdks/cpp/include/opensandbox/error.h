// What the library throws, and the value that carries it where exceptions are not wanted (result.h).
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace opensandbox {

/// Why a call failed, in the few classes that programs decide by.
enum class ErrorCode {
  invalid_argument,  ///< an argument cannot be meant; nothing was sent
  unauthorized,      ///< HTTP 401 or 403: the key or token is missing, wrong or not enough
  not_found,         ///< HTTP 404: no such sandbox, command, file, …
  conflict,          ///< HTTP 409: the thing is in a state that forbids this
  capacity,          ///< the server has no room, or a quota is used up
  rate_limited,      ///< HTTP 429: too many requests; see Error::retry_after
  refused,           ///< any other HTTP status of 400 and above
  unreachable,       ///< no connection, or it broke before there was an answer
  timeout,           ///< no answer in time
  not_ready,         ///< the sandbox was made, but did not become ready in time
  cancelled,         ///< the std::stop_token of the call was asked to stop
  protocol,          ///< the answer makes no sense
  failed,            ///< what was asked for was tried in the sandbox and failed there
  pool_empty,        ///< Pool::acquire: nothing is ready, and making one was not allowed
  internal,          ///< a defect of this library, or this machine lacks something
  untrusted,         ///< https: nobody that is trusted vouches for the certificate, or it is another host's
};

/// The name of a code, such as "not_found".
std::string_view to_string(ErrorCode code) noexcept;

/// What the server said, where it said anything.
struct ErrorAnswer {
  int status = 0;          ///< HTTP status
  std::string code;        ///< code of the body, such as "DOCKER::SANDBOX_NOT_FOUND"
  std::string message;     ///< message of the body
  std::string request_id;  ///< header X-Request-ID
  std::optional<std::chrono::milliseconds> retry_after;  ///< header Retry-After
  std::string body;                                      ///< the first 64 KiB of it
};

/// Everything the library throws. Copying it does not throw.
///
///     try {
///       opensandbox::Sandbox::connect("no-such-id");
///     } catch (const opensandbox::Error& error) {
///       if (error.code() == opensandbox::ErrorCode::not_found) std::cerr << error.what() << '\n';
///     }
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, ErrorAnswer answer = {}, bool retryable = false);

  ErrorCode code() const noexcept { return code_; }
  /// "<doing>: <cause>", for people.
  const std::string& message() const noexcept { return text_->message; }
  const char* what() const noexcept override { return text_->message.c_str(); }
  /// HTTP status; 0 if there was no answer.
  int status() const noexcept { return text_->answer.status; }
  /// The server's own code, such as "DOCKER::SANDBOX_NOT_FOUND"; empty if it gave none.
  const std::string& server_code() const noexcept { return text_->answer.code; }
  /// The server's own words, without what was being done; empty if it gave none.
  const std::string& server_message() const noexcept { return text_->answer.message; }
  /// Names the request in the server's log; empty if there was no answer.
  const std::string& request_id() const noexcept { return text_->answer.request_id; }
  /// How long the server asks to wait before the next attempt.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept { return text_->answer.retry_after; }
  /// Body of the answer, at most 64 KiB of it.
  const std::string& body() const noexcept { return text_->answer.body; }
  /// Whether the same call may succeed a little later, and sending it twice does no harm.
  bool retryable() const noexcept { return text_->retryable; }

 private:
  struct Text {
    std::string message;
    ErrorAnswer answer;
    bool retryable;
  };
  ErrorCode code_;
  std::shared_ptr<const Text> text_;
};

}  // namespace opensandbox
