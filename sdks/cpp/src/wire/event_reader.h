// Streams of events: bytes in, JSON objects out. No I/O.
//
// Two framings come from servers, raw JSON objects with a blank line behind each and server-sent events, and
// one reader takes both. Only LF, CR and CRLF end a line: characters such as U+0085 and U+2028 inside a JSON
// text are text. Bytes are joined before they are read, so that a character that arrives in two pieces is
// whole. Bounded: a line or an event beyond the limit is refused.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace opensandbox::detail {

class EventReader {
 public:
  using Sink = std::function<void(const osb::json::Object&)>;
  static constexpr size_t kLimit = 64 * 1024 * 1024;

  explicit EventReader(size_t limit = kLimit) : limit_(limit) {}

  // Calls `sink` for each event that is complete. Throws Error(protocol) beyond the limit; the reader is then
  // unusable.
  void feed(std::string_view bytes, const Sink& sink);
  // The stream ended: a last line without an end counts.
  void end(const Sink& sink);
  // Events that were no JSON objects; they are passed over.
  size_t broken() const { return broken_; }

 private:
  void line(std::string_view text, const Sink& sink);
  void flush(const Sink& sink);
  void keep(std::string& lines, std::string_view text);
  void grow(size_t size) const;

  size_t limit_;
  std::string tail_;  // of a line that is not complete yet
  std::string data_;  // lines of a server-sent event that is not complete yet, a LF behind each
  std::string raw_;   // the same of a raw object that was printed over several lines
  bool after_cr_ = false;
  size_t broken_ = 0;
};

}  // namespace opensandbox::detail
