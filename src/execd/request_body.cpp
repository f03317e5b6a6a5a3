#include "execd/request_body.h"

#include <strings.h>

#include <algorithm>

namespace osb::execd {
namespace detail {

const json::Value* find_member(const json::Object& object, std::string_view name) {
  if (const json::Value* exact = object.if_contains(name)) return exact;
  for (const auto& member : object) {
    if (member.key().size() == name.size() &&
        ::strncasecmp(member.key().data(), name.data(), name.size()) == 0)
      return &member.value();
  }
  return nullptr;
}

}  // namespace detail

void refuse_body(const std::string& why) {
  throw Error(ErrorCode::invalid, "reading the request: " + why, "INVALID_REQUEST_BODY");
}

json::Value parse_request_value(std::string_view body) {
  json::Value value;
  std::optional<json::SyntaxError> wrong = json::try_parse(body, value);
  // Whatever follows a complete value is ignored.
  if (wrong && wrong->offset > 0 && wrong->offset < body.size() &&
      !json::try_parse(body.substr(0, wrong->offset), value))
    wrong.reset();
  if (wrong)
    refuse_body(body.empty() ? "empty body (EOF)"
                             : wrong->what + " at byte " + std::to_string(wrong->offset));
  return value;
}

json::Object parse_request_object(std::string_view body) {
  json::Value value = parse_request_value(body);
  if (value.is_null()) return {};
  if (!value.is_object()) refuse_body("expected an object");
  return std::move(value.get_object());
}

}  // namespace osb::execd
