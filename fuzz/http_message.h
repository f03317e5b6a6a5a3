// A message as the codec reads it from bytes that arrive in pieces: what the two codec targets compare.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/codec.h"

namespace osb::http {

struct Reading {
  bool refused = false;
  bool complete = false;
  std::string head;  // all of it, in a form that can be compared
  std::string body;
  size_t used = 0;

  bool operator==(const Reading&) const = default;
};

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline void describe(std::string& out, const Headers& headers, const BodyFraming& body) {
  for (const auto& [name, value] : headers) {
    require(name.find_first_of("\r\n: ") == std::string::npos && !name.empty());
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    out += name + "=" + value + ";";
  }
  out += std::to_string(static_cast<int>(body.kind)) + ":" + std::to_string(body.length);
}

// `parse` turns the text of a head into the framing of its body, and describes it.
template <class Parse>
Reading read_in_pieces(std::string_view wire, size_t piece, Parse parse) {
  Reading out;
  HeadScanner scanner(4096);
  std::optional<BodyDecoder> decoder;
  try {
    for (size_t have = std::min(piece, wire.size());; have = std::min(have + piece, wire.size())) {
      if (!decoder) {
        if (size_t length = scanner.scan(wire.substr(0, have))) {
          require(length <= have && length <= 4096);
          decoder.emplace(parse(wire.substr(0, length), out.head));
          out.used = length;
        }
      }
      while (decoder && !decoder->done() && out.used < have) {
        BodyDecoder::Step step = decoder->feed(wire.substr(out.used, have - out.used));
        require(step.consumed > 0 && step.consumed <= have - out.used && step.body.size() <= step.consumed);
        out.body += step.body;
        out.used += step.consumed;
      }
      if (decoder && decoder->done()) break;
      if (have == wire.size()) {
        if (decoder) decoder->end_of_input();
        break;
      }
    }
    out.complete = decoder && decoder->done();
  } catch (const Error& error) {
    out = {};
    out.refused = true;
    require(!error.message().empty());
  }
  return out;
}

// However the bytes are cut, they mean the same. A piece of the head may be looked at before a later, bad
// byte of the body is there, but what is refused stays refused.
template <class Parse>
void compare_pieces(std::string_view wire, Parse parse) {
  Reading whole = read_in_pieces(wire, wire.size() + 1, parse);
  for (size_t piece : {size_t{1}, size_t{3}, size_t{64}})
    require(read_in_pieces(wire, piece, parse) == whole);
}

}  // namespace osb::http
