#include <algorithm>

#include "base/error.h"
#include "http/codec.h"

namespace osb::http {

namespace {
constexpr unsigned kMaxSizeDigits = 15;
constexpr size_t kMaxExtension = 1024;
constexpr size_t kMaxTrailers = 8 * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }
}  // namespace

BodyDecoder::BodyDecoder(BodyFraming framing) : framing_(framing) {
  using Kind = BodyFraming::Kind;
  left_ = framing.kind == Kind::length ? framing.length : 0;
  state_ = framing.kind == Kind::chunked       ? State::size_first
           : framing.kind == Kind::until_close ? State::until_close
           : left_ > 0                         ? State::data
                                               : State::done;
}

uint64_t BodyDecoder::run_length() const {
  if (state_ == State::until_close) return UINT64_MAX;
  return state_ == State::data ? left_ : 0;
}

// A decoder that met an error must not find an end later on: what follows is not to be trusted.
void BodyDecoder::refuse(std::string_view what) {
  state_ = State::failed;
  throw Error(ErrorCode::invalid, "reading the HTTP body: " + std::string(what), "INVALID_REQUEST");
}

BodyDecoder::Step BodyDecoder::feed(std::string_view in) {
  size_t at = 0;
  while (at < in.size() && state_ != State::done) {
    if (state_ == State::until_close) return {in.size(), in.substr(at)};
    if (state_ == State::data) {
      std::string_view run = in.substr(at, std::min<uint64_t>(left_, in.size() - at));
      left_ -= run.size();
      if (left_ == 0) state_ = framing_.kind == BodyFraming::Kind::chunked ? State::data_cr : State::done;
      return {at + run.size(), run};
    }
    feed_framing(in[at++]);
  }
  return {at, {}};
}

void BodyDecoder::end_of_input() {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ != State::done)
    throw Error(ErrorCode::unavailable, "reading the HTTP body: the connection ended inside it");
}

// One byte of what stands between the data of chunks.
void BodyDecoder::feed_framing(char c) {
  switch (state_) {
    case State::size_first:
      digits_ = 0;
      extra_ = 0;
      left_ = 0;
      if (hex_value(c) < 0) refuse("a bad chunk size");
      [[fallthrough]];
    case State::size:
      if (int value = hex_value(c); value >= 0) {
        if (++digits_ > kMaxSizeDigits) refuse("a chunk size that is too large");
        left_ = left_ * 16 + static_cast<unsigned>(value);
        state_ = State::size;
      } else if (c == ';') {
        state_ = State::extension;
      } else if (c == '\r') {
        state_ = State::size_lf;
      } else {
        refuse("a bad chunk size");
      }
      return;
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
      } else if (is_control(c) || ++extra_ > kMaxExtension) {
        refuse("a bad chunk extension");
      }
      return;
    case State::size_lf:
      if (c != '\n') refuse("a chunk size that does not end in CR LF");
      state_ = left_ ? State::data : State::trailer_first;
      extra_ = 0;
      return;
    case State::data_cr:
      if (c != '\r') refuse("a chunk longer than its size");
      state_ = State::data_lf;
      return;
    case State::data_lf:
      if (c != '\n') refuse("a chunk longer than its size");
      state_ = State::size_first;
      return;
    case State::trailer_first:
      if (c == '\r') {
        state_ = State::end_lf;
        return;
      }
      if (c == ' ' || c == '\t') refuse("a folded trailer line");
      state_ = State::trailer;
      [[fallthrough]];
    case State::trailer:
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else if (is_control(c)) {
        refuse("a bad trailer");
      }
      if (++extra_ > kMaxTrailers) refuse("trailers that are too long");
      return;
    case State::trailer_lf:
      if (c != '\n') refuse("a trailer that does not end in CR LF");
      state_ = State::trailer_first;
      return;
    case State::end_lf:
      if (c != '\n') refuse("an end that is not CR LF");
      state_ = State::done;
      return;
    case State::data:
    case State::until_close:
    case State::done:
      return;
    case State::failed:
      refuse("it was malformed before");
  }
}

}  // namespace osb::http
