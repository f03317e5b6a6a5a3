// What a sandbox may reach, and the credentials that are added to its requests on their way out.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace opensandbox {

namespace detail {
struct Link;
}

/// The egress policy; `sandbox.egress()`. A light handle. Thread-safe. Throws Error: unreachable or not_found
/// where the sandbox has no policy.
class Egress {
 public:
  NetworkPolicy policy(std::stop_token stop = {}) const;
  /// Add rules; one replaces the rule of the same target.
  void patch_rules(const std::vector<NetworkRule>& rules, std::stop_token stop = {}) const;
  /// Remove the rules of these targets; unknown ones are fine.
  void delete_rules(const std::vector<std::string>& targets, std::stop_token stop = {}) const;

  explicit Egress(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

/// A named secret.
struct Credential {
  std::string name, value;
};

/// Which requests a binding is about. Empty lists do not restrict; `hosts` must not be empty.
struct CredentialMatch {
  std::vector<std::string> hosts, schemes, methods, paths;
};

/// Another place where a secret is put: `placeholder` is replaced in these parts ("path", "query", "header",
/// "body").
struct CredentialSubstitution {
  std::string credential, placeholder;
  std::vector<std::string> in;
};

/// How a secret is put into a request.
struct CredentialAuth {
  std::string type;        ///< bearer, basic, apiKey, customHeaders or passthrough
  std::string credential;  ///< name of the secret; not of customHeaders
  std::string name;        ///< of the header, for apiKey
  StringMap headers;       ///< header to name of the secret, for customHeaders
  std::vector<CredentialSubstitution> substitutions;
};

struct CredentialBinding {
  std::string name;
  CredentialMatch match;
  CredentialAuth auth;
};

/// What is told about the vault; never a secret.
struct VaultState {
  struct Secret {
    std::string name, source_type;
    int64_t revision = 0;
  };
  struct Binding {
    std::string name;
    int64_t revision = 0;
    CredentialMatch match;
    std::string auth_type, auth_name;
  };
  int64_t revision = 0;
  std::vector<Secret> credentials;
  std::vector<Binding> bindings;
};

/// Changes of the vault, all at once or nothing.
struct VaultPatch {
  std::optional<int64_t> expected_revision;  ///< refuse (conflict) if the vault has another one
  std::vector<Credential> add_credentials, replace_credentials;
  std::vector<std::string> delete_credentials;
  std::vector<CredentialBinding> add_bindings, replace_bindings;
  std::vector<std::string> delete_bindings;
};

/// Secrets that the sandbox never sees; `sandbox.vault()`. A light handle. Thread-safe.
class CredentialVault {
 public:
  VaultState create(const std::vector<Credential>& credentials,
                    const std::vector<CredentialBinding>& bindings, std::stop_token stop = {}) const;
  VaultState get(std::stop_token stop = {}) const;
  VaultState patch(const VaultPatch& patch, std::stop_token stop = {}) const;
  void remove(std::stop_token stop = {}) const;
  VaultState::Secret credential(const std::string& name, std::stop_token stop = {}) const;
  VaultState::Binding binding(const std::string& name, std::stop_token stop = {}) const;

  explicit CredentialVault(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
