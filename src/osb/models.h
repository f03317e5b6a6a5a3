// The SDK's values as the objects that --output json shows. Keys, their order and their kinds are part of
// what osb promises; times are RFC 3339 in UTC; what a thing does not have is null.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

#include "base/json.h"

namespace osb::cli {

json::Value time_text(const std::optional<opensandbox::Time>& time);  // "2026-06-01T10:00:00Z" or null
json::Object sandbox_model(const opensandbox::SandboxInfo& info);
json::Object snapshot_model(const opensandbox::SnapshotInfo& info);
json::Object metrics_model(const opensandbox::Metrics& metrics);
json::Object endpoint_model(const opensandbox::Endpoint& endpoint);
json::Object command_model(const opensandbox::CommandStatus& status);
json::Object map_model(const opensandbox::StringMap& map);
json::Value list_model(const std::vector<std::string>& list);

}  // namespace osb::cli
