#include "execd/code/jupyter/jupyter_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "http/utf8.h"

namespace osb::execd {
namespace {

constexpr std::string_view kDelimiter = "<IDS|MSG>";
constexpr std::string_view kProtocol = "5.3";
constexpr size_t kParts = 4;  // header, parent header, metadata, content

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::invalid, "reading a message of a kernel: " + what);
}

// Length of the character at the front; 0 if it is not UTF-8.
size_t character_length(std::string_view text) {
  http::Utf8Check check;
  for (size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    if (!check.feed(text.substr(length - 1, 1))) return 0;
    if (check.complete()) return length;
  }
  return 0;
}

std::string replace_what_is_not_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t length = character_length(text);
    out += length > 0 ? text.substr(0, length) : "\xef\xbf\xbd";  // U+FFFD
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

// Kernels write texts of users as they are, which may be no UTF-8.
json::Value parse_loosely(std::string_view text) {
  json::Value value;
  if (!json::try_parse(text, value)) return value;
  return json::parse(replace_what_is_not_utf8(text));
}

json::Object parse_header(std::string_view text) {
  json::Value value = parse_loosely(text);
  if (!value.is_object()) fail("its header is no object");
  return std::move(value.get_object());
}

std::string text_member(const json::Object& object, std::string_view name) {
  const json::Value* found = object.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

json::Object header(std::string_view type, std::string_view id, std::string_view session) {
  json::Object out;
  out["msg_id"] = id;
  out["session"] = session;
  out["username"] = "execd";
  out["date"] = rfc3339_nanos(now());
  out["msg_type"] = type;
  out["version"] = kProtocol;
  return out;
}

}  // namespace

JupyterSession::JupyterSession(std::string key) : key_(std::move(key)), session_(new_hex_id()) {}

std::vector<std::string> JupyterSession::encode(std::string_view type, const json::Object& content,
                                                std::string_view id, std::string_view parent) const {
  std::string about = "{}";
  if (!parent.empty()) about = json::serialize(header("", parent, session_));
  std::array<std::string, kParts> parts{json::serialize(header(type, id, session_)), std::move(about), "{}",
                                        json::serialize(content)};
  std::array<std::string_view, kParts> views{parts[0], parts[1], parts[2], parts[3]};
  std::vector<std::string> frames{std::string(kDelimiter), hmac_sha256_hex(key_, views)};
  for (std::string& part : parts) frames.push_back(std::move(part));
  return frames;
}

JupyterMessage JupyterSession::decode(const std::vector<std::string>& frames) const {
  auto at = std::find(frames.begin(), frames.end(), kDelimiter);
  if (frames.end() - at < static_cast<ptrdiff_t>(2 + kParts)) fail("it lacks parts");
  const std::string* part = &*at + 2;
  std::array<std::string_view, kParts> parts{part[0], part[1], part[2], part[3]};
  if (!equal_in_constant_time(hmac_sha256_hex(key_, parts), at[1]))
    throw Error(ErrorCode::unauthorized, "reading a message of a kernel: its signature is wrong");
  JupyterMessage message;
  json::Object own = parse_header(parts[0]);
  message.type = text_member(own, "msg_type");
  message.id = text_member(own, "msg_id");
  if (message.type.empty()) fail("it has no type");
  json::Value about = parse_loosely(parts[1]);  // where there is none, some say null
  if (about.is_object()) message.parent = text_member(about.get_object(), "msg_id");
  try {
    message.content = parse_header(parts[3]);
  } catch (const Error& error) {
    message.unreadable = error.message();
  }
  return message;
}

}  // namespace osb::execd
