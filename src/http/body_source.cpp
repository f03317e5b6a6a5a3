#include "http/body_source.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace osb::http {

namespace {
constexpr size_t kFirstRead = 16 * 1024;
constexpr size_t kLargestRead = 256 * 1024;
}  // namespace

size_t BodySource::take_buffered(std::span<char> into) {
  size_t got = 0;
  while (!buffer_.empty() && !decoder_.done() && got < into.size()) {
    // No framing is shorter than nothing, so a slice as long as the room cannot hold more body than fits.
    std::string_view slice = buffer_.view().substr(0, into.size() - got);
    BodyDecoder::Step step = decoder_.feed(slice);
    if (!step.body.empty()) std::memcpy(into.data() + got, step.body.data(), step.body.size());
    got += step.body.size();
    buffer_.consume(step.consumed);
  }
  return got;
}

// `bytes` came from the wire; leaves the body in their front. What follows the body belongs to the next
// message.
size_t BodySource::decode_in_place(std::span<char> bytes) {
  size_t at = 0;
  size_t got = 0;
  while (at < bytes.size() && !decoder_.done()) {
    BodyDecoder::Step step = decoder_.feed({bytes.data() + at, bytes.size() - at});
    if (!step.body.empty() && step.body.data() != bytes.data() + got)
      std::memmove(bytes.data() + got, step.body.data(), step.body.size());
    got += step.body.size();
    at += step.consumed;
  }
  if (at < bytes.size()) buffer_.refill({bytes.data() + at, bytes.size() - at});
  return got;
}

void BodySource::end_within(std::chrono::milliseconds time) {
  end_ = std::chrono::steady_clock::now() + time;
}

// How long the next piece may take.
std::chrono::milliseconds BodySource::patience() const {
  if (end_ == std::chrono::steady_clock::time_point::max()) return idle_time_;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) throw Error(ErrorCode::timeout, "reading the HTTP body: it did not end in time");
  return idle_time_.count() > 0 ? std::min(left, idle_time_) : left;
}

net::task<size_t> BodySource::read_some(std::span<char> into) {
  while (!decoder_.done()) {
    if (size_t got = take_buffered(into)) co_return got;
    if (!buffer_.empty()) continue;
    if (decoder_.done()) break;
    stream_.set_read_deadline(patience());
    // Between chunks nothing says how much may be read, so whatever follows the body may come along.
    uint64_t run = decoder_.run_length();
    size_t count = co_await stream_.read_some(run ? into.first(std::min<uint64_t>(run, into.size())) : into);
    if (count == 0) {
      decoder_.end_of_input();
    } else if (size_t got = decode_in_place(into.first(count))) {
      co_return got;
    }
  }
  co_return 0;
}

net::task<bool> BodySource::read_rest(std::string& out, uint64_t limit) {
  size_t step = kFirstRead;
  while (!decoder_.done()) {
    // The last round asks for one byte more than allowed, to tell the end from an excess.
    size_t room = std::min<uint64_t>(step, limit - out.size() + 1);
    if (uint64_t run = decoder_.run_length(); framing().kind == BodyFraming::Kind::length)
      room = std::min<uint64_t>(room, run);
    size_t used = out.size();
    out.resize(used + room);
    size_t count = 0;
    try {
      count = co_await read_some({out.data() + used, room});
    } catch (...) {
      out.resize(used);
      throw;
    }
    out.resize(used + count);
    if (out.size() > limit) co_return false;
    if (count == room) step = std::min(step * 2, kLargestRead);
  }
  co_return true;
}

net::task<bool> BodySource::drain(uint64_t limit, std::chrono::milliseconds time) {
  end_within(time);
  std::string scratch(std::min<uint64_t>(limit, kFirstRead), '\0');
  uint64_t taken = 0;
  while (!decoder_.done()) {
    if (taken >= limit) co_return false;
    taken += co_await read_some(scratch);
  }
  co_return true;
}

}  // namespace osb::http
