// Hooks of a sandbox: one that runs before the entrypoint starts, others that run again and again.
//   {"preStart": {"command": ["prog","arg"], "timeoutSeconds": 30},
//    "periodic": [{"name": "sync", "schedule": "30s", "command": ["prog"], "timeoutSeconds": 10}]}
// The schedule is a duration ("30s", "1m30s", also with "@every " in front), or whole seconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "execd/environment.h"

namespace osb::execd {

struct Hook {
  std::vector<std::string> command;  // a program and its arguments; no shell
  std::chrono::seconds timeout{60};
};
struct PeriodicHook {
  std::string name;
  std::chrono::milliseconds every{};
  Hook hook;
};
struct Lifecycle {
  std::optional<Hook> pre_start;
  std::vector<PeriodicHook> periodic;  // names differ
  bool empty() const { return !pre_start && periodic.empty(); }
};

// Throws Error(invalid) with code INVALID_REQUEST_BODY and the place of the fault.
Lifecycle parse_lifecycle(const json::Value& value);
// The same from the TOML form: [preStart] command, timeoutSeconds; [[periodic]] name, schedule, ….
Lifecycle parse_lifecycle_toml(std::string_view text);
std::string lifecycle_toml(const Lifecycle& lifecycle);

// What the environment asks for: OPENSANDBOX_LIFECYCLE (JSON), which is then written to the file for the next
// start; else that file (EXECD_LIFECYCLE_CONFIG, or $HOME/.execd/lifecycle.toml), unless others than its
// owner, us or root, could have written it. Throws Error(invalid) for hooks that are not understood: to start
// without them would be wrong.
Lifecycle lifecycle_of(const Environment& environment);

}  // namespace osb::execd
