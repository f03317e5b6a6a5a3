// Calls about isolated sessions, and how their answers read. No I/O.
#pragma once

#include <opensandbox/isolation.h>

#include "wire/json.h"

namespace opensandbox::detail {

constexpr const char* kIsolated = "/v1/isolated";

std::string isolated_path(const std::string& session_id);
// The session as a prefix of file calls. Throws Error(invalid_argument) if the id is no UUID.
std::string isolated_files_prefix(const std::string& session_id);
// Throws Error(invalid_argument) without workspace and overlays.
Value isolated_body(const IsolatedOptions& options);
Value isolated_run_body(const std::string& code, const IsolatedRunOptions& options);

// Throws Error(protocol) for an answer without an id.
IsolatedInfo read_isolated(const Reply& reply, const std::string& doing);
// The same where the answer need not repeat the id.
IsolatedInfo read_isolated(const Reply& reply, const std::string& doing, const std::string& session_id);
std::vector<IsolatedInfo> read_isolated_list(const Reply& reply, const std::string& doing);
IsolatedRun read_isolated_run(const Reply& reply, const std::string& doing);
IsolatedRunStatus read_isolated_run_status(const Object& object);
IsolatedCapabilities read_isolated_capabilities(const Object& object);

}  // namespace opensandbox::detail
