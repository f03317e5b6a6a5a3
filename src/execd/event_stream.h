// A journal on its way to one HTTP response.
#pragma once

#include <memory>
#include <optional>

#include "execd/journal.h"
#include "http/server.h"
#include "net/task.h"

namespace osb::execd {

// Answers with the events behind `after_eid`, and goes on live: 200 text/event-stream, the head together with
// the first events, a ping right after the first one and every 3 s, several waiting events in one write, the
// end in the same write as the last event. Returns when the journal is closed and everything is sent, or when
// the client is gone (the execution goes on).
net::task<> serve_events(std::shared_ptr<Journal> journal, http::ResponseWriter& response,
                         int64_t after_eid = 0, Framing framing = Framing::lines);

// The form that a request asks for: `?framing=sse|lines`, or a parameter of that name behind
// text/event-stream in its Accept header. Throws Error(invalid) for another value.
std::optional<Framing> requested_framing(const http::Request& request);
// Where a client goes on: `?after_eid=N`, else the header Last-Event-ID, else 0. Throws Error(invalid) for
// what is no number from 0 on.
int64_t requested_position(const http::Request& request);

}  // namespace osb::execd
