// An error as the user of a command line reads it: what was being done, why it failed, what to do about it.
#pragma once

#include <exception>
#include <string>

namespace osb::cli {

struct Problem : std::exception {
  std::string code;     // "SANDBOX_NOT_FOUND", "INVALID_ARGUMENT"; stable, for scripts
  std::string message;  // "<verb in progress> <object>: <cause>"
  std::string advice;   // what to do, or empty
  int status = 0;       // HTTP status that the server answered, 0 if none
  std::string request_id;

  Problem(std::string code, std::string message, std::string advice = {})
      : code(std::move(code)), message(std::move(message)), advice(std::move(advice)) {}
  const char* what() const noexcept override { return message.c_str(); }
};

// The command line itself is wrong. Exit code 2.
struct UsageProblem : Problem {
  explicit UsageProblem(std::string message, std::string advice = {})
      : Problem("USAGE", std::move(message), std::move(advice)) {}
};

// Ctrl-C, after all that had to be ended was ended. Exit code 130, no message.
struct Interrupted {};

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitOwnFailure = 125;  // osb failed where the exit code would have been the remote command's
constexpr int kExitInterrupted = 130;
constexpr int kExitOutputGone = 141;  // as a shell shows a program that SIGPIPE ended

// Several lines, the last one ended:
//   error: getting sandbox x: there is no such sandbox
//     code: SANDBOX_NOT_FOUND (HTTP 404, request 1f3a)
//     try:  osb sandbox list
// Control characters of remote texts are made visible.
std::string render(const Problem& problem, bool color);

}  // namespace osb::cli
