#include "osb/sdk_problem.h"

namespace osb::cli {

namespace {

using opensandbox::ErrorCode;

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string advice_not_found(const opensandbox::Error& error) {
  const std::string& code = error.server_code();
  if (contains(code, "SNAPSHOT")) return "osb snapshot list";
  if (contains(code, "TEMPLATE")) return "osb template list";
  if (contains(code, "IMAGE")) return "osb image list";
  if (contains(code, "SANDBOX")) return "osb sandbox list";
  if (contains(code, "FILE")) return "osb file ls SANDBOX / (is the path right?)";
  return {};
}

std::string advice(const opensandbox::Error& error) {
  switch (error.code()) {
    case ErrorCode::unauthorized:
      return "--api-key KEY, OPEN_SANDBOX_API_KEY, or osb config set connection.api_key KEY";
    case ErrorCode::not_found:
      return advice_not_found(error);
    case ErrorCode::unreachable:
      return "osb doctor says what is in the way";
    case ErrorCode::untrusted:
      return "SSL_CERT_FILE names a file of the authorities to trust; or is --domain another host's name?";
    case ErrorCode::timeout:
      return "a longer --request-timeout, or osb doctor to see what is slow";
    case ErrorCode::not_ready:
      return "a longer --ready-timeout, or osb doctor SANDBOX";
    case ErrorCode::capacity:
      return "osb sandbox list, and kill what is not needed; or try again later";
    case ErrorCode::rate_limited:
      return "the same again a little later";
    case ErrorCode::conflict:
      if (contains(error.server_code(), "IMAGE")) return "osb sandbox list shows what uses which image";
      return "osb sandbox get SANDBOX shows its state";
    default:
      return {};
  }
}

std::string upper(std::string_view text) {
  std::string out;
  for (char c : text) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

}  // namespace

Problem sdk_problem(const opensandbox::Error& error) {
  std::string code = error.server_code().empty() ? upper(to_string(error.code())) : error.server_code();
  Problem problem(code, error.message(), advice(error));
  problem.status = error.status();
  problem.request_id = error.request_id();
  return problem;
}

}  // namespace osb::cli
