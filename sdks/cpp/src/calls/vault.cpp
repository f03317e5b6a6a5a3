#include <opensandbox/egress.h>

#include "calls/link.h"
#include "wire/lifecycle.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

constexpr const char* kPath = "/credential-vault";

void put(Object& object, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) object[name] = to_json(texts);
}

Value to_json(const Credential& credential) {
  return Object{{"name", not_blank(credential.name, "name of a credential")},
                {"source", Object{{"type", "inline"}, {"value", credential.value}}}};
}

Value to_json(const CredentialMatch& match) {
  if (match.hosts.empty()) throw Error(ErrorCode::invalid_argument, "a credential binding needs hosts");
  Object object;
  put(object, "schemes", match.schemes);
  put(object, "hosts", match.hosts);
  put(object, "methods", match.methods);
  put(object, "paths", match.paths);
  return object;
}

Value to_json(const CredentialAuth& auth) {
  Object object{{"type", auth.type}};
  if (!auth.credential.empty()) object["credential"] = auth.credential;
  if (!auth.name.empty()) object["name"] = auth.name;
  Array headers, substitutions;
  for (const auto& [name, credential] : auth.headers)
    headers.push_back(Object{{"name", name}, {"credential", credential}});
  for (const CredentialSubstitution& one : auth.substitutions)
    substitutions.push_back(Object{
        {"credential", one.credential}, {"placeholder", one.placeholder}, {"in", detail::to_json(one.in)}});
  if (!headers.empty()) object["headers"] = std::move(headers);
  if (!substitutions.empty()) object["substitutions"] = std::move(substitutions);
  return object;
}

Value to_json(const CredentialBinding& binding) {
  return Object{{"name", not_blank(binding.name, "name of a binding")},
                {"match", to_json(binding.match)},
                {"auth", to_json(binding.auth)}};
}

template <class Item>
Array list_json(const std::vector<Item>& items) {
  Array array;
  for (const Item& item : items) array.push_back(to_json(item));
  return array;
}

template <class Item>
Object changes_json(const std::vector<Item>& add, const std::vector<Item>& replace,
                    const std::vector<std::string>& remove) {
  Object object;
  if (!add.empty()) object["add"] = list_json(add);
  if (!replace.empty()) object["replace"] = list_json(replace);
  put(object, "delete", remove);
  return object;
}

VaultState::Secret read_secret(const Object& object) {
  return {text_of(object, "name"), text_of(object, "sourceType"), int_of(object, "revision")};
}

VaultState::Binding read_binding(const Object& object) {
  VaultState::Binding binding;
  binding.name = text_of(object, "name");
  binding.revision = int_of(object, "revision");
  if (const Object* match = find_object(object, "match"))
    binding.match = {texts_of(*match, "hosts"), texts_of(*match, "schemes"), texts_of(*match, "methods"),
                     texts_of(*match, "paths")};
  if (const Object* auth = find_object(object, "auth")) {
    binding.auth_type = text_of(*auth, "type");
    binding.auth_name = text_of(*auth, "name");
  }
  return binding;
}

VaultState read_state(const Object& object) {
  VaultState state;
  state.revision = int_of(object, "revision");
  if (const Array* found = find_array(object, "credentials"))
    for (const Value& value : *found)
      if (value.is_object()) state.credentials.push_back(read_secret(value.get_object()));
  if (const Array* found = find_array(object, "bindings"))
    for (const Value& value : *found)
      if (value.is_object()) state.bindings.push_back(read_binding(value.get_object()));
  return state;
}

Object ask_vault(Link& link, const Call& call, const std::stop_token& stop) {
  link.execd(stop);  // its answer tells where the sandbox is from
  if (link.of_template())
    throw Error(ErrorCode::invalid_argument,
                call.doing + ": sandboxes made from templates have no credential vault");
  Reply reply = link.client->call(link.egress(stop), call, stop);
  return reply.body.empty() ? Object{} : read_object(reply, call.doing);
}

}  // namespace

VaultState CredentialVault::create(const std::vector<Credential>& credentials,
                                   const std::vector<CredentialBinding>& bindings,
                                   std::stop_token stop) const {
  Object body{{"credentials", list_json(credentials)}, {"bindings", list_json(bindings)}};
  return read_state(ask_vault(*link_, json_call("POST", kPath, "make the credential vault", body), stop));
}

VaultState CredentialVault::get(std::stop_token stop) const {
  return read_state(ask_vault(*link_, json_call("GET", kPath, "get the credential vault"), stop));
}

VaultState CredentialVault::patch(const VaultPatch& patch, std::stop_token stop) const {
  Object body;
  if (patch.expected_revision) body["expectedRevision"] = *patch.expected_revision;
  Object credentials =
      changes_json(patch.add_credentials, patch.replace_credentials, patch.delete_credentials);
  Object bindings = changes_json(patch.add_bindings, patch.replace_bindings, patch.delete_bindings);
  if (!credentials.empty()) body["credentials"] = std::move(credentials);
  if (!bindings.empty()) body["bindings"] = std::move(bindings);
  return read_state(ask_vault(*link_, json_call("PATCH", kPath, "change the credential vault", body), stop));
}

void CredentialVault::remove(std::stop_token stop) const {
  ask_vault(*link_, json_call("DELETE", kPath, "delete the credential vault"), stop);
}

VaultState::Secret CredentialVault::credential(const std::string& name, std::stop_token stop) const {
  return read_secret(ask_vault(
      *link_,
      json_call("GET", std::string(kPath) + "/credentials/" + segment(name), "get credential " + name),
      stop));
}

VaultState::Binding CredentialVault::binding(const std::string& name, std::stop_token stop) const {
  return read_binding(ask_vault(
      *link_,
      json_call("GET", std::string(kPath) + "/bindings/" + segment(name), "get credential binding " + name),
      stop));
}

}  // namespace opensandbox
