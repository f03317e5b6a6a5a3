// Follows a stream of events to its end, whatever happens to connections meanwhile.
//
// A daemon that numbers its events keeps them: when the connection breaks, the rest is asked for behind the
// newest number, and the program goes on undisturbed. A daemon that does not is not asked twice; what was not
// answered then is an error.
#pragma once

#include <stop_token>

#include "calls/link.h"
#include "wire/collector.h"
#include "wire/event_reader.h"

namespace opensandbox::detail {

class Run {
 public:
  Run(Link& link, Collector::Kind kind, const Handlers& handlers, std::stop_token stop)
      : link_(link), events_(kind, handlers), stop_(std::move(stop)) {}

  // `call`: a POST that is answered with events, under an Idempotency-Key.
  Execution follow(const Call& call);
  // What another call has begun, behind event `after`.
  Execution resume(const std::string& execution_id, uint64_t after);

 private:
  Stream begin(const Target& target, const Call& call);
  Stream again(const Target& target, const Call& call, Failure failure);
  Execution follow(const Target& target, const Call& call, Stream stream);
  void read(const Target& target, const Call& call, Stream& stream);
  void feed(std::string_view bytes, const Target& target);
  void drain(Stream& stream, const Target& target);
  Call rest_call() const;

  Link& link_;
  Collector events_;
  EventReader reader_;
  std::stop_token stop_;
  uint64_t seen_ = 0;  // newest event when the connection last broke
  Milliseconds pause_{100};
  Clock::time_point lost_since_{};
};

// A POST of JSON that is answered with events.
Call stream_call(std::string path, const osb::json::Value& body, std::string doing);

}  // namespace opensandbox::detail
