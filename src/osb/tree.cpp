#include "osb/tree.h"

namespace osb::cli {

namespace {

constexpr Option kGlobals[] = {
    {"-h,--help", "", "Show the help of a command"},
    {"--api-key", "KEY", "Key of the server (OPEN_SANDBOX_API_KEY)"},
    {"--domain", "HOST[:PORT]", "Where the server is (OPEN_SANDBOX_DOMAIN; localhost:8080)"},
    {"--protocol", "http|https", "How to talk to it (OPEN_SANDBOX_PROTOCOL; http)"},
    {"--request-timeout", "SECONDS", "Limit of one request (OPEN_SANDBOX_REQUEST_TIMEOUT; 30)"},
    {"--use-server-proxy", "", "Reach sandboxes through the server (OPEN_SANDBOX_USE_SERVER_PROXY)"},
    {"--no-use-server-proxy", "", "Reach sandboxes directly"},
    {"--config", "FILE", "Configuration file (~/.opensandbox/config.toml)"},
    {"-v,--verbose", "", "Say more about errors, and what is sent and received"},
    {"--no-color", "", "No colours (also NO_COLOR)"},
    {"--version", "", "Show the version"},
};

}  // namespace

std::span<const Option> global_options() { return kGlobals; }

std::string_view key_of(const Option& option) {
  size_t dashes = option.names.find("--");
  std::string_view name =
      dashes == std::string_view::npos ? option.names.substr(1) : option.names.substr(dashes + 2);
  return name.substr(0, name.find(','));
}

const Command* find_child(const Command& group, std::string_view name) {
  for (const Command* child : group.children)
    if (child->name == name) return child;
  return nullptr;
}

bool takes_rest(const Command& command) {
  return !command.arguments.empty() && command.arguments.back().count >= Count::command;
}

}  // namespace osb::cli
