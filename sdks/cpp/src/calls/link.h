// What all handles of one sandbox share: the client, and where its programs are. Thread-safe.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "transport/client.h"

namespace opensandbox::detail {

constexpr int kExecdPort = 44772;
constexpr int kEgressPort = 18080;

struct Link {
  Link(std::shared_ptr<Client> its_client, std::string its_id)
      : client(std::move(its_client)), id(std::move(its_id)) {}

  const std::shared_ptr<Client> client;
  const std::string id;
  std::function<bool(Sandbox&)> check;  // of Readiness; set before the link is shared

  // The daemon of the sandbox, and its egress program. Looked up once; throws Error.
  Target execd(const std::stop_token& stop);
  Target egress(const std::stop_token& stop);
  // The sandbox was made from a template: the server itself keeps its network policy.
  bool of_template();

  Reply call_server(const Call& call, const std::stop_token& stop) {
    return client->call(client->server(), call, stop);
  }
  Reply call_execd(const Call& call, const std::stop_token& stop) {
    return client->call(execd(stop), call, stop);
  }

  // `kind`: "logs" or "events".
  Diagnostics diagnostics(const std::string& kind, const std::string& scope, const std::stop_token& stop);

 private:
  Target find(std::optional<Target>& known, int port, const std::stop_token& stop);

  std::mutex mutex_;
  std::optional<Target> execd_, egress_;
  bool of_template_ = false;
};

}  // namespace opensandbox::detail
