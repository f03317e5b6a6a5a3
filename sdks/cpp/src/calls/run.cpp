#include "calls/run.h"

#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

constexpr const char* kEvents = "text/event-stream";
constexpr Milliseconds kSilence{60'000};   // a daemon that numbers its events says "ping" every three seconds
constexpr Milliseconds kPatience{30'000};  // how long a broken stream is asked for
constexpr Milliseconds kDrain{1'000};      // how long a finished stream may take to say so

}  // namespace

Call stream_call(std::string path, const Value& body, std::string doing) {
  Call call = json_call("POST", std::move(path), std::move(doing), body);
  call.headers.set("Accept", kEvents);
  call.headers.set("Idempotency-Key", random_key());
  call.expect = {200};
  return call;
}

Call Run::rest_call() const {
  Call call = json_call("GET",
                        std::string("/") + events_.resume_kind() + "/" + segment(events_.execution_id()) +
                            "/resume" + query({{"after_eid", std::to_string(events_.last_event())}}),
                        "go on with execution " + events_.execution_id());
  call.headers.set("Accept", kEvents);
  call.expect = {200};
  return call;
}

Execution Run::follow(const Call& call) {
  Target target = link_.execd(stop_);
  return follow(target, call, begin(target, call));
}

Execution Run::resume(const std::string& execution_id, uint64_t after) {
  events_.begin_at(not_blank(execution_id, "execution id"), after);
  return follow(rest_call());
}

// No answer at all: the same request under the same key, if the daemon is known to honour keys.
Stream Run::begin(const Target& target, const Call& call) {
  auto open = [&] {
    return link_.client->stream(target, call, Wait::until_stopped(stop_), Client::Patience::endless);
  };
  try {
    try {
      return open();
    } catch (const Failure& failure) {
      bool twice = link_.client->numbered(target) || failure.cause() == Failure::Cause::not_sent;
      if (!twice || failure.cause() == Failure::Cause::cancelled) throw;
      return open();
    }
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, target);
  }
}

Execution Run::follow(const Target& target, const Call& call, Stream first) {
  std::optional<Stream> stream(std::move(first));
  for (;;) {
    try {
      read(target, call, *stream);
      return events_.finish();
    } catch (const Failure& failure) {
      if (!events_.resumable() || failure.cause() == Failure::Cause::cancelled)
        throw_network_error(failure, call.doing, target);
      stream.reset();
      stream.emplace(again(target, call, failure));
    }
  }
}

Stream Run::again(const Target& target, const Call& call, Failure failure) {
  if (events_.last_event() > seen_ || lost_since_ == Clock::time_point{}) {
    pause_ = Milliseconds(100);
    lost_since_ = Clock::now();
    seen_ = events_.last_event();
  }
  for (;;) {
    if (Clock::now() - lost_since_ > kPatience) throw_network_error(failure, call.doing, target);
    reader_ = EventReader();
    try {
      pause(pause_, Wait::until_stopped(stop_));
      pause_ = std::min(Milliseconds(2000), pause_ * 2);
      return link_.client->stream(target, rest_call(), Wait::until_stopped(stop_), Client::Patience::endless);
    } catch (const Failure& next) {
      if (next.cause() == Failure::Cause::cancelled || next.cause() == Failure::Cause::untrusted)
        throw_network_error(next, call.doing, target);
      failure = next;
    } catch (const Error& error) {
      throw Error(ErrorCode::unreachable,
                  call.doing + ": the stream broke off and is not kept: " + error.message());
    }
  }
}

void Run::read(const Target& target, const Call& call, Stream& stream) {
  if (!lower(stream.headers().get("Content-Type")).starts_with(kEvents))
    throw_unexpected(stream.body(link_.client->config().request_timeout, stop_), call.doing,
                     "a stream of events was expected");
  while (!events_.ended()) {
    Wait wait = Wait::until_stopped(stop_);
    if (events_.last_event()) wait = wait.capped(kSilence);
    std::string_view piece = stream.read(wait);
    if (piece.empty()) {
      reader_.end([&](const Object& event) { events_.take(event); });
      return;
    }
    feed(piece, target);
  }
  drain(stream, target);
}

void Run::feed(std::string_view bytes, const Target& target) {
  bool numbered = events_.last_event() > 0;
  reader_.feed(bytes, [&](const Object& event) { events_.take(event); });
  if (!numbered && events_.last_event() > 0) link_.client->remember_numbered(target);
}

// What still comes behind the last event, so that the connection can be used again. Slow peers are left.
void Run::drain(Stream& stream, const Target& target) {
  try {
    Wait wait = Wait::at_most(kDrain, stop_);
    for (auto piece = stream.read(wait); !piece.empty(); piece = stream.read(wait)) feed(piece, target);
  } catch (const Failure&) {}
}

}  // namespace opensandbox::detail
