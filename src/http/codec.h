// HTTP/1.1 on the wire, without sockets: bytes in, heads and body bytes out; heads and chunk frames in, text
// out.
//
// Strict on purpose: whatever two parsers could read differently (both lengths, odd chunk sizes, folded
// lines, bare CR or LF, a space before the colon) is refused, so that nothing can be smuggled past a proxy in
// front or behind. All failures are Error(invalid), wire code INVALID_REQUEST, unless said otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace osb::http {

// How the end of a body is found.
struct BodyFraming {
  enum class Kind { none, length, chunked, until_close };
  Kind kind = Kind::none;
  uint64_t length = 0;
};

struct RequestHead {
  std::string method;
  std::string target;
  Headers headers;
  BodyFraming body;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

struct ResponseHead {
  int status = 0;
  Headers headers;
  BodyFraming body;
  bool http_1_0 = false;
  bool keep_alive = true;
};

// Finds the end of a head in bytes that arrive piecemeal, looking at each byte once.
class HeadScanner {
 public:
  explicit HeadScanner(size_t limit) : limit_(limit) {}
  // `bytes`: everything since the start of the head, growing from call to call. Returns the length of the
  // head with its blank line, or 0 while it is incomplete. Throws also Error(too_large,
  // REQUEST_HEADERS_TOO_LARGE).
  size_t scan(std::string_view bytes);
  void restart() { line_ = at_ = 0; }

 private:
  size_t limit_;
  size_t line_ = 0;  // where the current line starts
  size_t at_ = 0;    // first byte not looked at
};

// `head`: exactly what HeadScanner found.
RequestHead parse_request_head(std::string_view head);
// `to_method`: the method of the request that this answers (HEAD has no body).
ResponseHead parse_response_head(std::string_view head, std::string_view to_method);

// Takes the body out of the bytes on the wire.
class BodyDecoder {
 public:
  explicit BodyDecoder(BodyFraming framing = {});

  struct Step {
    size_t consumed = 0;    // bytes taken from the front of the input
    std::string_view body;  // the part of them that is body; a view into the input
  };
  // Call again with what was not consumed until done() or nothing is left.
  Step feed(std::string_view in);
  bool done() const { return state_ == State::done; }
  // The peer ended its side. Fine for until_close, else Error(unavailable).
  void end_of_input();
  const BodyFraming& framing() const { return framing_; }
  // Body bytes that may follow without any framing between them; 0 when that is not known.
  uint64_t run_length() const;

 private:
  enum class State {
    size_first,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer,
    trailer_lf,
    end_lf,
    until_close,
    done,
    failed
  };
  void feed_framing(char c);
  [[noreturn]] void refuse(std::string_view what);

  BodyFraming framing_;
  State state_;
  uint64_t left_ = 0;    // of the body, or of the current chunk
  unsigned digits_ = 0;  // of the current chunk size
  size_t extra_ = 0;     // bytes of this chunk's extension, or of all trailers
};

// Writing. Header text cannot break out of its line: CR, LF and NUL become spaces.
void append_request_line(std::string& out, std::string_view method, std::string_view target);
void append_status_line(std::string& out, int status);
void append_header(std::string& out, std::string_view name, std::string_view value);
void append_chunk_size(std::string& out, uint64_t size);

}  // namespace osb::http
