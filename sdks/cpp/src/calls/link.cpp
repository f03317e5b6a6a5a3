#include "calls/link.h"

#include "wire/lifecycle.h"

namespace opensandbox::detail {

Target Link::execd(const std::stop_token& stop) { return find(execd_, kExecdPort, stop); }
Target Link::egress(const std::stop_token& stop) { return find(egress_, kEgressPort, stop); }

bool Link::of_template() {
  std::lock_guard lock(mutex_);
  return of_template_;
}

Diagnostics Link::diagnostics(const std::string& kind, const std::string& scope,
                              const std::stop_token& stop) {
  Call call = diagnostics_call(id, kind, scope);
  return read_diagnostics(read_object(call_server(call, stop), call.doing));
}

// Two threads may look up at the same time; both find the same.
Target Link::find(std::optional<Target>& known, int port, const std::stop_token& stop) {
  {
    std::lock_guard lock(mutex_);
    if (known) return *known;
  }
  Call call = endpoint_call(id, port, client->config().use_server_proxy, std::nullopt);
  Endpoint endpoint = read_endpoint(call_server(call, stop), call.doing);
  Target target = client->endpoint(endpoint.address, endpoint.headers);
  std::lock_guard lock(mutex_);
  if (endpoint.origin == "template") of_template_ = true;
  known = target;
  return target;
}

}  // namespace opensandbox::detail
