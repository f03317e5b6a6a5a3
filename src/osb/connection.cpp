#include "osb/connection.h"

#include <unistd.h>

#include "osb/problem.h"
#include "osb/program.h"
#include "osb/text_width.h"

namespace osb::cli {

opensandbox::ConnectionConfig connection(Invocation& run) {
  const Settings& settings = run.settings();
  opensandbox::ConnectionConfig config;
  config.domain = settings.domain.value;
  config.api_key = settings.api_key.value;
  bool scheme = settings.domain.value.find("://") != std::string::npos;
  if (!scheme || settings.protocol.source == Source::flag) config.protocol = settings.protocol.value;
  config.request_timeout = std::chrono::seconds(settings.request_timeout.value);
  config.use_server_proxy = settings.use_server_proxy.value;
  config.user_agent = std::string("OpenSandbox-CLI/") + program_version();
  // A person waits: one more attempt after a lost answer, not half a minute of them.
  config.retries.max_retries = 1;
  if (run.flag("verbose"))
    config.log = [](const std::string& line) { write_all(STDERR_FILENO, visible(line) + "\n"); };
  return config;
}

opensandbox::Sandbox open_sandbox(Invocation& run, const std::string& id, std::stop_token stop) {
  return opensandbox::Sandbox::connect(id, connection(run), {.skip = true}, stop);
}

opensandbox::Sandbox open_sandbox(Invocation& run) { return open_sandbox(run, run.argument("SANDBOX")); }

}  // namespace osb::cli
