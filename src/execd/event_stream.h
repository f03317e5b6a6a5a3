// The events of one execution on their way to one HTTP response: a bounded queue with back-pressure.
//
// The producer pushes events and looks at congested(); while it is true it stops reading the workload's
// output, so memory stays bounded whatever the workload prints. Without an attached client nothing is
// congested and events are dropped oldest first (resuming a stream comes with the execution-protocol issue).
// Everything runs on one loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/server.h"
#include "net/task.h"

namespace osb::execd {

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  explicit EventStream(net::asio::any_io_executor executor);

  // Appends one event (JSON text without the blank line).
  void push(std::string event);
  // No more events: the response ends in the same write as the last one.
  void close();
  bool closed() const { return closed_; }

  // True while more than kCongestedBytes wait for the attached client.
  bool congested() const;
  // Runs on the loop whenever congestion ends or the client is gone. One listener: the producer.
  void on_drain(std::function<void()> listener);

  // Sends the stream as the answer: 200 text/event-stream, headers together with the first events, a ping
  // right after the first event and every 3 s, several waiting events in one write. Returns when the stream
  // is closed and sent, or when the client is gone (the execution goes on).
  net::task<> serve(http::ResponseWriter& response);

  static constexpr size_t kCongestedBytes = 256 * 1024;

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
  bool closed_ = false;
};

}  // namespace osb::execd
