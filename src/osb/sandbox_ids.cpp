#include "osb/sandbox_ids.h"

#include <opensandbox/manager.h>

#include "osb/connection.h"

namespace osb::cli {

std::vector<Candidate> sandbox_ids(Invocation& run) try {
  opensandbox::ConnectionConfig config = connection(run);
  config.request_timeout = std::chrono::seconds(1);
  config.retries.max_retries = 0;
  std::vector<Candidate> ids;
  for (const opensandbox::SandboxInfo& info : opensandbox::Manager(config).list({.page_size = 100}).items)
    ids.push_back({info.id, info.status.state + " " + info.image});
  return ids;
} catch (const std::exception&) {
  return {};
}

}  // namespace osb::cli
