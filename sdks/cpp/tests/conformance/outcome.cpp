#include "conformance/outcome.h"

#include <openssl/evp.h>

#include <algorithm>

namespace opensandbox::conformance {
namespace {

constexpr size_t kLong = 1000;  // characters
constexpr size_t kMost = 100;   // texts that are told

std::string sha256_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; i++) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

size_t characters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Value texts(const std::vector<Output>& outputs) {
  Array list;
  for (const Output& output : outputs)
    if (list.size() < kMost) list.push_back(told(output.text));
  return list;
}

Value stamps(const Execution& run) {
  Array list;
  for (const auto* outputs : {&run.stdout_parts, &run.stderr_parts})
    for (const Output& output : *outputs)
      if (list.size() < kMost) list.push_back(output.timestamp);
  return list;
}

Value results(const Execution& run) {
  Array list;
  for (const CodeResult& result : run.results) {
    Object forms;
    for (const auto& [type, text] : result.data)
      if (type != "text/plain") forms[type] = text;  // told as `text`
    list.push_back(Object{{"text", result.text}, {"forms", forms}});
  }
  return list;
}

Value error_of(const Execution& run) {
  if (!run.error) return nullptr;
  return Object{{"name", run.error->name},
                {"value", run.error->value},
                {"traceback", osb::json::write(run.error->traceback)}};
}

const char* kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::capacity:
      return "capacity";
    case ErrorCode::rate_limited:
      return "rate_limit";
    case ErrorCode::refused:
    case ErrorCode::protocol:
      return "api";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::unreachable:
      return "connection";
    case ErrorCode::invalid_argument:
      return "invalid";
    default:
      return "other";
  }
}

// The server's code; where it gave none, the scenarios' name for what there was instead.
std::string code_of(const Error& error) {
  if (!error.server_code().empty()) return error.server_code();
  if (error.code() == ErrorCode::invalid_argument) return "INVALID_ARGUMENT";
  if (error.status()) return "UNEXPECTED_RESPONSE";
  return error.code() == ErrorCode::timeout ? "TIMEOUT" : "CONNECTION";
}

template <class T>
Value or_null(const std::optional<T>& value) {
  return value ? Value(*value) : Value(nullptr);
}

Value text_or_null(const std::string& text) { return text.empty() ? Value(nullptr) : Value(text); }

}  // namespace

Value told(const std::string& text) {
  if (characters(text) <= kLong) return Value(text);
  return Object{{"size", text.size()}, {"sha256", sha256_hex(text)}};
}

Value told(const Execution& run) {
  return Object{{"id", text_or_null(run.id)},
                {"exit_code", or_null(run.exit_code)},
                {"complete_ms", run.complete ? Value(run.complete->execution_time.count()) : Value(nullptr)},
                {"stdout", texts(run.stdout_parts)},
                {"stderr", texts(run.stderr_parts)},
                {"stdout_count", run.stdout_parts.size()},
                {"stamps", stamps(run)},
                {"text", told(run.text())},
                {"results", results(run)},
                {"error", error_of(run)}};
}

Value told(const SandboxInfo& info) {
  return Object{{"id", info.id},
                {"state", info.status.state},
                {"image", text_or_null(info.image)},
                {"created_at_ms", told(info.created_at)}};
}

Value told(std::optional<Time> time) {
  return time ? Value(time->time_since_epoch() / Milliseconds(1)) : Value(nullptr);
}

Value told(const Error& error) {
  auto after = error.retry_after();
  return Object{{"failure", Object{{"kind", kind_of(error.code())},
                                   {"code", code_of(error)},
                                   {"message", text_or_null(error.server_message())},
                                   {"status", error.status() ? Value(error.status()) : Value(nullptr)},
                                   {"request_id", text_or_null(error.request_id())},
                                   {"retryable", error.retryable()},
                                   {"text", error.message()},
                                   {"retry_after_ms", after ? Value(after->count()) : Value(nullptr)}}}};
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

}  // namespace opensandbox::conformance
