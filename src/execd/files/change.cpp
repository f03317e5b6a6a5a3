#include "execd/files/change.h"

#include "base/clock.h"
#include "base/json_text.h"

namespace osb::execd {

namespace {

std::string_view name_of(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::created:
      return "created";
    case Change::Kind::modified:
      return "modified";
    case Change::Kind::attributes:
      return "attributes";
    case Change::Kind::deleted:
      return "deleted";
    case Change::Kind::moved:
      return "moved";
    case Change::Kind::overflow:
      return "overflow";
  }
  return "overflow";
}

}  // namespace

std::string change_event(const Change& change) {
  std::string out = R"({"type":")";
  out.append(name_of(change.kind)).append("\"");
  auto text = [&](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
  };
  text(change.kind == Change::Kind::moved ? "from" : "path", change.path);
  if (change.kind == Change::Kind::moved) text("to", change.to);
  if (change.kind == Change::Kind::overflow)
    text("reason", change.reason);
  else
    out.append(change.directory ? R"(,"directory":true)" : R"(,"directory":false)");
  return out + ",\"timestamp\":" + std::to_string(unix_ms(now())) + "}";
}

}  // namespace osb::execd
