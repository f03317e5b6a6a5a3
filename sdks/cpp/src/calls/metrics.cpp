#include <opensandbox/sandbox.h>

#include "calls/link.h"
#include "wire/event_reader.h"
#include "wire/lifecycle.h"

namespace opensandbox {

using namespace detail;

Metrics Sandbox::metrics(std::stop_token stop) const {
  Call call = json_call("GET", "/metrics", "get metrics of sandbox " + id());
  return read_metrics(read_object(link_->call_execd(call, stop), call.doing));
}

void Sandbox::watch_metrics(const std::function<void(const Metrics&)>& handler, std::stop_token stop) const {
  Call call = json_call("GET", "/metrics/watch", "watch metrics of sandbox " + id());
  call.headers.set("Accept", "text/event-stream");
  Target target = link_->execd(stop);
  Client& client = *link_->client;
  try {
    Stream stream = client.stream(target, call, Wait::until_stopped(stop));
    EventReader reader;
    for (auto piece = stream.read(client.wait(stop)); !piece.empty(); piece = stream.read(client.wait(stop)))
      reader.feed(piece, [&](const Object& sample) { handler(read_metrics(sample)); });
    throw Failure(Failure::Cause::broken, "the stream ended");
  } catch (const Failure& failure) {
    if (failure.cause() != Failure::Cause::cancelled) throw_network_error(failure, call.doing, target);
  }
}

}  // namespace opensandbox
