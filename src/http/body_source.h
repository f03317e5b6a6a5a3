// A body on its way in from a stream: what is buffered behind the head first, then straight from the socket
// into the reader's memory. Shared by server and client.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "http/codec.h"
#include "http/input_buffer.h"
#include "net/stream.h"

namespace osb::http {

class BodySource {
 public:
  BodySource(net::Stream& stream, InputBuffer& buffer, BodyFraming framing,
             std::chrono::milliseconds idle_time)
      : stream_(stream), buffer_(buffer), decoder_(framing), idle_time_(idle_time) {}

  // At least one byte, or 0 at the end. Throws Error(timeout | unavailable | invalid).
  net::task<size_t> read_some(std::span<char> into);
  // Appends the rest to `out`; false when that would exceed `limit` bytes in total.
  net::task<bool> read_rest(std::string& out, uint64_t limit);
  // Reads and forgets at most `limit` bytes for at most `time`; true if the end was reached.
  net::task<bool> drain(uint64_t limit, std::chrono::milliseconds time);
  // The rest must come within that time, however it trickles in; then reading throws Error(timeout).
  void end_within(std::chrono::milliseconds time);
  bool done() const { return decoder_.done(); }
  const BodyFraming& framing() const { return decoder_.framing(); }

 private:
  size_t take_buffered(std::span<char> into);
  size_t decode_in_place(std::span<char> bytes);
  std::chrono::milliseconds patience() const;

  net::Stream& stream_;
  InputBuffer& buffer_;
  BodyDecoder decoder_;
  std::chrono::milliseconds idle_time_;  // zero: none
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace osb::http
