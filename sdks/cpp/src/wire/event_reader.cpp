#include "wire/event_reader.h"

#include <opensandbox/error.h>

#include "wire/text.h"
#include "wire/utf8_text.h"

namespace opensandbox::detail {
namespace {

bool parse(std::string_view text, osb::json::Value& value) {
  return !osb::json::try_parse(text, value) ||
         !osb::json::try_parse(without_lone_surrogates(valid_utf8(text)), value);
}

bool give(std::string_view text, const EventReader::Sink& sink) {
  osb::json::Value value;
  if (!parse(text, value)) return false;
  if (!value.is_object()) return false;
  sink(value.get_object());
  return true;
}

}  // namespace

void EventReader::grow(size_t size) const {
  if (size > limit_)
    throw Error(ErrorCode::protocol,
                "reading events: one is larger than " + std::to_string(limit_) + " bytes");
}

void EventReader::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes[0] == '\n') bytes.remove_prefix(1);  // the second half of a CRLF
    after_cr_ = false;
    size_t end = bytes.find_first_of("\r\n");
    std::string_view part = bytes.substr(0, end);
    grow(tail_.size() + part.size());
    if (end == bytes.npos) {
      tail_ += part;
      return;
    }
    after_cr_ = bytes[end] == '\r';
    if (tail_.empty()) {
      line(part, sink);
    } else {
      tail_ += part;
      std::string whole;
      whole.swap(tail_);
      line(whole, sink);
    }
    bytes.remove_prefix(end + 1);
  }
}

void EventReader::end(const Sink& sink) {
  std::string last;
  last.swap(tail_);
  if (!last.empty()) line(last, sink);
  flush(sink);
}

void EventReader::keep(std::string& lines, std::string_view text) {
  grow(lines.size() + text.size() + 1);
  lines += text;
  lines += '\n';
}

void EventReader::line(std::string_view text, const Sink& sink) {
  if (blank(text)) return flush(sink);
  if (text[0] == '{' && data_.empty() && raw_.empty() && give(text, sink)) return;
  if (text.starts_with("data:")) {
    text.remove_prefix(text.starts_with("data: ") ? 6 : 5);
    if (!data_.empty() || !give(text, sink)) keep(data_, text);
    return;
  }
  bool field =
      text[0] == ':' || text.starts_with("event:") || text.starts_with("id:") || text.starts_with("retry:");
  if (!field || !raw_.empty()) keep(raw_, text);
}

void EventReader::flush(const Sink& sink) {
  for (std::string* lines : {&data_, &raw_}) {
    if (lines->empty()) continue;
    std::string text;
    text.swap(*lines);
    if (!give(text, sink)) ++broken_;
  }
}

}  // namespace opensandbox::detail
