#include "execd/event_stream.h"

#include <charconv>
#include <chrono>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/trim.h"
#include "execd/event.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPingPeriod{3};
constexpr size_t kBatchBytes = 256 * 1024;

http::Headers stream_headers() {
  return {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
}

// The part of `rest` before `separator`, which is taken away from it.
std::string_view next_part(std::string_view& rest, char separator) {
  size_t end = std::min(rest.find(separator), rest.size());
  std::string_view part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::optional<std::string> framing_in_accept(std::string_view accept) {
  while (!accept.empty()) {
    std::string_view range = next_part(accept, ',');
    if (!http::equal_ignoring_case(next_part(range, ';'), "text/event-stream")) continue;
    while (!range.empty()) {
      std::string_view value = next_part(range, ';');
      if (http::equal_ignoring_case(next_part(value, '='), "framing")) return std::string(value);
    }
  }
  return std::nullopt;
}

Framing parse_framing(std::string_view name) {
  if (name == "sse") return Framing::sse;
  if (name == "lines") return Framing::lines;
  throw Error(ErrorCode::invalid, "reading the request: framing is sse or lines, not " + std::string(name));
}

// What one response has got so far.
class Stream {
 public:
  Stream(std::shared_ptr<Journal> journal, http::ResponseWriter& response, int64_t after_eid, Framing framing)
      : response_(response),
        reader_(std::move(journal), after_eid),
        framing_(framing),
        comes_back_(after_eid > 0) {}

  net::task<> run() {
    while (true) {
      next_batch();
      if (reader_.at_end()) co_return co_await finish();
      if (batch_.empty())
        co_await wait();
      else
        co_await write();
    }
  }

 private:
  std::chrono::milliseconds time_to_ping() const {
    return std::chrono::ceil<std::chrono::milliseconds>(next_ping_ - Clock::now());
  }

  void ping(std::string& out) {
    append_framed(out, ping_event(), 0, framing_);
    next_ping_ = Clock::now() + kPingPeriod;
    pinged_ = true;
  }

  // Leaves the batch empty when nothing is to be sent now. A client that comes back is told at once that it
  // found its place.
  void next_batch() {
    batch_.clear();
    bool news = reader_.take(batch_, pinged_ ? kBatchBytes : 1, framing_);
    if (!pinged_ && (news || (comes_back_ && !reader_.at_end()))) {
      ping(batch_);
      reader_.take(batch_, kBatchBytes, framing_);
    }
    if (!news && pinged_ && time_to_ping().count() <= 0 && !reader_.at_end()) ping(batch_);
  }

  // The batch's memory is kept while there is much to send, but not for a stream on which nothing happens.
  net::task<> wait() {
    bool news = co_await reader_.wait_for(std::max(time_to_ping(), std::chrono::milliseconds(1)));
    if (!news) batch_ = {};
  }

  void start() {
    if (!response_.started()) response_.start(200, stream_headers());
  }
  net::task<> write() {
    start();
    reader_.begin_write();
    co_await response_.write(batch_);
    reader_.end_write();
  }
  net::task<> finish() {
    start();
    co_await response_.finish(batch_);
  }

  http::ResponseWriter& response_;
  Journal::Reader reader_;
  Framing framing_;
  bool comes_back_;
  std::string batch_;
  bool pinged_ = false;
  Clock::time_point next_ping_ = Clock::now() + kPingPeriod;
};

}  // namespace

net::task<> serve_events(std::shared_ptr<Journal> journal, http::ResponseWriter& response, int64_t after_eid,
                         Framing framing) {
  Stream stream(std::move(journal), response, after_eid, framing);
  try {
    co_await stream.run();
  } catch (const Error&) {
    // The client is gone or takes nothing; the execution goes on without it.
  }
}

std::optional<Framing> requested_framing(const http::Request& request) {
  std::optional<std::string> name = request.query.find("framing");
  if (!name) name = framing_in_accept(request.headers.get("Accept"));
  return name ? std::optional(parse_framing(*name)) : std::nullopt;
}

int64_t requested_position(const http::Request& request) {
  std::string text =
      request.query.find("after_eid").value_or(std::string(request.headers.get("Last-Event-ID")));
  if (text.empty()) return 0;
  int64_t eid = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), eid);
  if (error != std::errc() || end != text.data() + text.size() || eid < 0)
    throw Error(ErrorCode::invalid, "reading the request: after_eid is a number from 0 on, not " + text);
  return eid;
}

}  // namespace osb::execd
