#include "wire/answer_error.h"

#include <stdlib.h>
#include <time.h>

#include "wire/json.h"
#include "wire/text.h"
#include "wire/utf8_text.h"

namespace opensandbox::detail {
namespace {

constexpr size_t kKept = 64 * 1024;
constexpr size_t kQuoted = 512;

struct Said {
  std::string code, message;
};

// One problem of a schema: "loc: msg".
std::string problem(const Value& value) {
  const Object* object = value.if_object();
  if (!object) return as_text(value);
  std::string where;
  if (const Array* loc = find_array(*object, "loc"))
    for (const Value& part : *loc)
      if (as_text(part) != "body") where += (where.empty() ? "" : ".") + as_text(part);
  return (where.empty() ? "" : where + ": ") + text_of(*object, "msg");
}

// `{"code","message"}`, also below `detail`, or a list of problems there.
Said read_said(const std::string& body) {
  Value value;
  if (osb::json::try_parse(body, value) || !value.is_object()) return {};
  const Object* object = &value.get_object();
  const Object* detail = find_object(*object, "detail");
  if (detail && !object->contains("code")) object = detail;
  Said said{loose_text(*object, "code"), loose_text(*object, "message")};
  if (said.message.empty()) said.message = text_of(*object, "detail");
  if (const Array* problems = find_array(*object, "detail"); problems && said.message.empty())
    for (const Value& each : *problems) said.message += (said.message.empty() ? "" : "; ") + problem(each);
  return said;
}

bool names_capacity(const std::string& code) {
  for (const char* word : {"CAPACITY", "QUOTA", "EXHAUSTED"})
    if (code.find(word) != code.npos) return true;
  return false;
}

ErrorCode code_of(int status, bool full) {
  if (status == 507 || (full && (status == 429 || status == 403 || status == 503)))
    return ErrorCode::capacity;
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::unauthorized;
    case 404:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    case 429:
      return ErrorCode::rate_limited;
    default:
      return ErrorCode::refused;
  }
}

ErrorAnswer describe(const Reply& reply, Said said) {
  return {reply.status,
          std::move(said.code),
          std::move(said.message),
          std::string(reply.headers.get("X-Request-ID")),
          retry_after(reply),
          reply.body.substr(0, kKept)};
}

}  // namespace

std::optional<Milliseconds> retry_after(const Reply& reply) {
  std::string text(reply.headers.get("Retry-After"));
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  double seconds = strtod(text.c_str(), &end);
  if (end != text.c_str() && *end == '\0' && seconds >= 0 && seconds < 1e9)
    return Milliseconds(static_cast<int64_t>(seconds * 1000));
  tm parts{};
  if (!strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) return std::nullopt;
  auto when = std::chrono::system_clock::from_time_t(timegm(&parts));
  return std::max(Milliseconds(0),
                  std::chrono::duration_cast<Milliseconds>(when - std::chrono::system_clock::now()));
}

Error answer_error(const Reply& reply, const std::string& doing) {
  Said said = read_said(reply.body);
  std::string message = doing + ": HTTP " + std::to_string(reply.status);
  std::string cause = said.message.empty() ? valid_utf8(reply.body.substr(0, kQuoted)) : said.message;
  if (!blank(cause)) message += ": " + cause;
  bool retryable = reply.status == 429 || reply.status == 502 || reply.status == 503;
  ErrorCode code = code_of(reply.status, names_capacity(said.code));
  return Error(code, std::move(message), describe(reply, std::move(said)), retryable);
}

void throw_answer_error(const Reply& reply, const std::string& doing) { throw answer_error(reply, doing); }

void throw_unexpected(const Reply& reply, const std::string& doing, const std::string& why) {
  throw Error(ErrorCode::protocol, doing + ": " + why, describe(reply, {}));
}

}  // namespace opensandbox::detail
