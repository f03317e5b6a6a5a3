// Credentials and bindings as JSON, in the names of the wire. Unknown members are refused with their place.
#pragma once

#include <opensandbox/egress.h>

#include "base/json.h"

namespace osb::cli {

struct VaultContents {
  std::vector<opensandbox::Credential> credentials;
  std::vector<opensandbox::CredentialBinding> bindings;
};

// {"credentials": [{"name", "source": {"type": "inline", "value"}}], "bindings": [{"name", "match",
// "auth"}]}. Throw Problem.
VaultContents vault_contents(const json::Value& payload);
// {"expectedRevision"?, "credentials": {"add", "replace", "delete"}, "bindings": {...}}.
opensandbox::VaultPatch vault_patch(const json::Value& payload);

}  // namespace osb::cli
