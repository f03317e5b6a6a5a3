#include "osb/vault_payload.h"

#include <algorithm>

#include "osb/problem.h"
#include "osb/strict_read.h"

namespace osb::cli {

namespace {

using json::Required;

struct WireSource {
  std::optional<std::string> type;
  Required<std::string> value;
};
BOOST_DESCRIBE_STRUCT(WireSource, (), (type, value))

struct WireCredential {
  Required<std::string> name;
  Required<WireSource> source;
};
BOOST_DESCRIBE_STRUCT(WireCredential, (), (name, source))

struct WireMatch {
  std::vector<std::string> hosts, schemes, methods, paths;
};
BOOST_DESCRIBE_STRUCT(WireMatch, (), (hosts, schemes, methods, paths))

struct WireHeader {
  Required<std::string> name, credential;
};
BOOST_DESCRIBE_STRUCT(WireHeader, (), (name, credential))

struct WireSubstitution {
  Required<std::string> credential, placeholder;
  std::vector<std::string> in;
};
BOOST_DESCRIBE_STRUCT(WireSubstitution, (), (credential, placeholder, in))

struct WireAuth {
  Required<std::string> type;
  std::optional<std::string> credential, name;
  std::vector<WireHeader> headers;
  std::vector<WireSubstitution> substitutions;
};
BOOST_DESCRIBE_STRUCT(WireAuth, (), (type, credential, name, headers, substitutions))

struct WireBinding {
  Required<std::string> name;
  Required<WireMatch> match;
  Required<WireAuth> auth;
};
BOOST_DESCRIBE_STRUCT(WireBinding, (), (name, match, auth))

struct WireContents {
  std::vector<WireCredential> credentials;
  std::vector<WireBinding> bindings;
};
BOOST_DESCRIBE_STRUCT(WireContents, (), (credentials, bindings))

opensandbox::Credential convert(const WireCredential& wire) { return {*wire.name, *wire.source->value}; }

opensandbox::CredentialBinding convert(const WireBinding& wire) {
  const WireMatch& match = *wire.match;
  const WireAuth& auth = *wire.auth;
  opensandbox::CredentialBinding out{.name = *wire.name};
  out.match = {match.hosts, match.schemes, match.methods, match.paths};
  out.auth = {.type = *auth.type, .credential = auth.credential.value_or(""), .name = auth.name.value_or("")};
  for (const WireHeader& header : auth.headers) out.auth.headers[*header.name] = *header.credential;
  for (const WireSubstitution& each : auth.substitutions)
    out.auth.substitutions.push_back({*each.credential, *each.placeholder, each.in});
  return out;
}

template <class Out, class Wire>
std::vector<Out> list_of(const json::Object& changes, const char* key, const std::string& path) {
  std::vector<Out> out;
  const json::Value* found = changes.if_contains(key);
  if (!found) return out;
  for (const Wire& wire : read_strictly<std::vector<Wire>>(*found, path + "." + key))
    out.push_back(convert(wire));
  return out;
}

std::vector<std::string> names_of(const json::Object& changes, const std::string& path) {
  const json::Value* found = changes.if_contains("delete");
  return found ? read_strictly<std::vector<std::string>>(*found, path + ".delete")
               : std::vector<std::string>();
}

// An object with none but these members.
json::Object object_of(const json::Value& value, const std::string& path,
                       std::initializer_list<std::string_view> known) {
  if (!value.is_object()) refuse_request(path + ": expected an object");
  for (const auto& member : value.get_object()) {
    std::string_view key{member.key().data(), member.key().size()};
    if (std::find(known.begin(), known.end(), key) == known.end())
      refuse_request(json::detail::join(path, key) + ": there is no such member");
  }
  return value.get_object();
}

constexpr std::initializer_list<std::string_view> kChanges{"add", "replace", "delete"};

}  // namespace

VaultContents vault_contents(const json::Value& payload) {
  WireContents wire = read_strictly<WireContents>(payload, "");
  VaultContents out;
  for (const WireCredential& each : wire.credentials) out.credentials.push_back(convert(each));
  for (const WireBinding& each : wire.bindings) out.bindings.push_back(convert(each));
  return out;
}

opensandbox::VaultPatch vault_patch(const json::Value& payload) {
  json::Object all = object_of(payload, "", {"expectedRevision", "credentials", "bindings"});
  opensandbox::VaultPatch out;
  if (const json::Value* revision = all.if_contains("expectedRevision"))
    out.expected_revision = read_strictly<std::optional<int64_t>>(*revision, "expectedRevision");
  if (const json::Value* found = all.if_contains("credentials")) {
    json::Object changes = object_of(*found, "credentials", kChanges);
    out.add_credentials = list_of<opensandbox::Credential, WireCredential>(changes, "add", "credentials");
    out.replace_credentials =
        list_of<opensandbox::Credential, WireCredential>(changes, "replace", "credentials");
    out.delete_credentials = names_of(changes, "credentials");
  }
  if (const json::Value* found = all.if_contains("bindings")) {
    json::Object changes = object_of(*found, "bindings", kChanges);
    out.add_bindings = list_of<opensandbox::CredentialBinding, WireBinding>(changes, "add", "bindings");
    out.replace_bindings =
        list_of<opensandbox::CredentialBinding, WireBinding>(changes, "replace", "bindings");
    out.delete_bindings = names_of(changes, "bindings");
  }
  return out;
}

}  // namespace osb::cli
