// What `sandbox create`, `run` and `code` have in common: the flags that describe a new sandbox, and files
// that do.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "osb/invocation.h"

namespace osb::cli {

// Flags of a new sandbox, without those that say what it is made from.
inline constexpr Option kNewSandboxFlags[] = {
    {"-t,--timeout", "DURATION", "Life of the sandbox: 10m, 1h30m; none: until it is killed"},
    {"-e,--env", "KEY=VALUE", "Environment variable", true},
    {"-m,--metadata", "KEY=VALUE", "Label to find it by", true},
    {"--extension", "KEY=VALUE", "Setting of a particular server", true},
    {"--resource", "KEY=VALUE", "Ceiling: cpu=1, memory=2Gi", true},
    {"--entrypoint", "ARG", "Word of the entrypoint", true},
    {"--image-auth-username", "NAME", "Who may fetch a private image"},
    {"--image-auth-password", "PASSWORD", "Its password"},
    {"--network-policy-file", "FILE", "JSON: what programs in it may reach"},
    {"--credential-proxy", "", "Give it a credential vault; needs a network policy"},
    {"--volumes-file", "FILE", "JSON: storage that is mounted into it"},
    {"--skip-health-check", "", "Do not wait until it answers"},
    {"--ready-timeout", "DURATION", "Longest wait until it answers (30s)"},
};

// A command's own flags, and those of a new sandbox behind them.
template <size_t N>
constexpr auto with_new_sandbox_flags(const Option (&own)[N]) {
  std::array<Option, N + std::size(kNewSandboxFlags)> all{};
  std::copy(std::begin(own), std::end(own), all.begin());
  std::copy(std::begin(kNewSandboxFlags), std::end(kNewSandboxFlags), all.begin() + N);
  return all;
}

// Throws UsageProblem. `image` is what the command line names; empty: the default of the settings, and an
// error if there is none (unless a template or a snapshot is named, or a file with all of it).
opensandbox::CreateOptions create_options(Invocation& run, const std::string& image);

// A create request in the names of the wire, as `create -f` reads it. Unknown members and wrong kinds are
// refused with their place. Throws Problem.
opensandbox::CreateOptions create_options_of(const json::Value& request);

// A JSON file, or standard input for "-". Throws Problem that names the file.
json::Value read_json_file(const std::string& path);
std::string read_file(const std::string& path);

}  // namespace osb::cli
