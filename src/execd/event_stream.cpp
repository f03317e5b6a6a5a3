#include "execd/event_stream.h"

#include <chrono>
#include <utility>

#include "base/defer.h"
#include "execd/event.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPingPeriod{3};

http::Headers stream_headers() {
  return {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
}

}  // namespace

// Events wait as the text that goes on the wire. A JSON event holds no raw line feed, so a blank line is
// always the end of one.
struct EventStream::Queue {
  explicit Queue(net::asio::any_io_executor executor) : wake(std::move(executor)) {}

  net::Event wake;
  std::string waiting;
  bool first_pushed = false;
  bool attached = false;
  bool gone = false;  // the client left: nobody will read any more
  bool closed = false;
  std::function<void()> drained;

  void append(std::string_view event) { waiting.append(event).append("\n\n"); }
  void drop_oldest() {
    while (waiting.size() > kCongestedBytes) waiting.erase(0, waiting.find("\n\n") + 2);
  }
  void tell_producer() {
    if (drained) drained();
  }
  void lose_client() {
    gone = true;
    attached = false;
    waiting = {};
    tell_producer();
  }
};

EventStream::EventStream(net::asio::any_io_executor executor)
    : queue_(std::make_shared<Queue>(std::move(executor))) {}

void EventStream::push(std::string event) {
  if (closed_ || queue_->gone) return;
  queue_->append(event);
  if (!std::exchange(queue_->first_pushed, true)) queue_->append(ping_event());
  if (queue_->attached)
    queue_->wake.notify();
  else
    queue_->drop_oldest();
}

void EventStream::close() {
  closed_ = true;
  queue_->closed = true;
  queue_->wake.notify();
}

bool EventStream::congested() const { return queue_->attached && queue_->waiting.size() > kCongestedBytes; }

void EventStream::on_drain(std::function<void()> listener) { queue_->drained = std::move(listener); }

net::task<> EventStream::serve(http::ResponseWriter& response) {
  std::shared_ptr<Queue> queue = queue_;
  queue->attached = true;
  Defer leave([queue] { queue->lose_client(); });
  Clock::time_point next_ping = Clock::now() + kPingPeriod;
  try {
    while (true) {
      if (queue->waiting.empty() && !queue->closed) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(next_ping - Clock::now());
        if (left.count() > 0 && co_await queue->wake.wait_for(left)) continue;
        next_ping = Clock::now() + kPingPeriod;
        if (queue->first_pushed) queue->append(ping_event());
        continue;
      }
      if (!response.started()) response.start(200, stream_headers());
      std::string batch = std::exchange(queue->waiting, {});
      if (queue->closed) {
        co_await response.finish(batch);
        co_return;
      }
      if (batch.size() > kCongestedBytes) queue->tell_producer();
      co_await response.write(batch);
    }
  } catch (const Error&) {
    // The client is gone or takes nothing; the execution goes on without it.
  }
}

}  // namespace osb::execd
