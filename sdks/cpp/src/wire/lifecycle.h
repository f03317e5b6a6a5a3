// Calls of the lifecycle API, and how their answers read. No I/O.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <string>

#include "wire/json.h"

namespace opensandbox::detail {

// Throws Error(invalid_argument) for what cannot be meant.
Value create_body(const CreateOptions& options);
Call create_call(const CreateOptions& options);
std::string sandbox_path(const std::string& id);
Call endpoint_call(const std::string& id, int port, bool by_proxy, std::optional<int64_t> expires);
Call list_call(const SandboxFilter& filter);
Call list_snapshots_call(const SnapshotFilter& filter);
Call renew_call(const std::string& id, Time until);
Call patch_metadata_call(const std::string& id, const MetadataPatch& patch);
// `kind`: "logs" or "events".
Call diagnostics_call(const std::string& id, const std::string& kind, const std::string& scope);
Value policy_to_json(const NetworkPolicy& policy);
Value rules_to_json(const std::vector<NetworkRule>& rules);
NetworkPolicy read_policy(const Object& object);

// Throw Error(protocol) for an answer that lacks id, state or createdAt.
SandboxInfo read_sandbox(const Reply& reply, const std::string& doing);
SandboxPage read_sandbox_page(const Reply& reply, const std::string& doing);
Endpoint read_endpoint(const Reply& reply, const std::string& doing);
SnapshotInfo read_snapshot(const Reply& reply, const std::string& doing);
SnapshotPage read_snapshot_page(const Reply& reply, const std::string& doing);
Diagnostics read_diagnostics(const Object& object);
Metrics read_metrics(const Object& object);

}  // namespace opensandbox::detail
