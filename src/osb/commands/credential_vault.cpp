// osb credential-vault: secrets that a sandbox uses without seeing them.
#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/models.h"
#include "osb/vault_payload.h"

namespace osb::cli {

namespace {

using opensandbox::VaultState;

constexpr std::string_view kFormats = "table|json|yaml";

json::Object credential_model(const VaultState::Secret& secret) {
  return {{"name", secret.name}, {"source_type", secret.source_type}, {"revision", secret.revision}};
}

json::Object binding_model(const VaultState::Binding& binding) {
  json::Object match{{"hosts", list_model(binding.match.hosts)},
                     {"schemes", list_model(binding.match.schemes)},
                     {"methods", list_model(binding.match.methods)},
                     {"paths", list_model(binding.match.paths)}};
  return {{"name", binding.name},
          {"revision", binding.revision},
          {"match", match},
          {"auth", json::Object{{"type", binding.auth_type},
                                {"name", binding.auth_name.empty() ? json::Value(nullptr)
                                                                   : json::Value(binding.auth_name)}}}};
}

json::Array credentials_model(const VaultState& state) {
  json::Array out;
  for (const auto& each : state.credentials) out.push_back(credential_model(each));
  return out;
}

json::Array bindings_model(const VaultState& state) {
  json::Array out;
  for (const auto& each : state.bindings) out.push_back(binding_model(each));
  return out;
}

constexpr Column kCredentialColumns[] = {
    {"NAME", "name"}, {"SOURCE", "source_type"}, {"REVISION", "revision"}};
constexpr Column kBindingColumns[] = {
    {"NAME", "name"}, {"REVISION", "revision"}, {"HOSTS", "match.hosts"}, {"AUTH", "auth.type"}};

void print(Invocation& run, const VaultState& state) {
  if (!run.output().is_table()) {
    run.output().record({{"revision", state.revision},
                         {"credentials", credentials_model(state)},
                         {"bindings", bindings_model(state)}});
    return;
  }
  run.output().text("Revision " + std::to_string(state.revision) + "\n\n");
  run.output().rows(credentials_model(state), kCredentialColumns, "No credentials.");
  run.output().text("\n");
  run.output().rows(bindings_model(state), kBindingColumns, "No bindings.");
}

int create(Invocation& run) {
  VaultContents contents = vault_contents(read_json_file(run.required("file")));
  print(run, open_sandbox(run).vault().create(contents.credentials, contents.bindings));
  return 0;
}

int get(Invocation& run) {
  print(run, open_sandbox(run).vault().get());
  return 0;
}

int patch(Invocation& run) {
  opensandbox::VaultPatch changes = vault_patch(read_json_file(run.required("file")));
  print(run, open_sandbox(run).vault().patch(changes));
  return 0;
}

int remove(Invocation& run) {
  open_sandbox(run).vault().remove();
  run.output().done("Deleted the vault of " + run.argument("SANDBOX"));
  return 0;
}

int credential_list(Invocation& run) {
  run.output().rows(credentials_model(open_sandbox(run).vault().get()), kCredentialColumns,
                    "No credentials.");
  return 0;
}

int credential_get(Invocation& run) {
  run.output().record(credential_model(open_sandbox(run).vault().credential(run.argument("NAME"))));
  return 0;
}

int binding_list(Invocation& run) {
  run.output().rows(bindings_model(open_sandbox(run).vault().get()), kBindingColumns, "No bindings.");
  return 0;
}

int binding_get(Invocation& run) {
  run.output().record(binding_model(open_sandbox(run).vault().binding(run.argument("NAME"))));
  return 0;
}

constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};
constexpr Argument kNamed[] = {{"SANDBOX", "Id of the sandbox"}, {"NAME", "Its name"}};
constexpr Option kFileOption[] = {
    {"-f,--file", "FILE", "JSON, in the names of the API; - is standard input"}};

const Command kCreate{.name = "create",
                      .summary = "Put credentials and bindings into the vault of a sandbox",
                      .outputs = kFormats,
                      .arguments = kSandboxArgument,
                      .options = kFileOption,
                      .run = create};
const Command kGet{.name = "get",
                   .summary = "Show the vault, without secrets",
                   .outputs = kFormats,
                   .arguments = kSandboxArgument,
                   .run = get};
const Command kPatch{.name = "patch",
                     .summary = "Change the vault, all at once or nothing",
                     .outputs = kFormats,
                     .arguments = kSandboxArgument,
                     .options = kFileOption,
                     .run = patch};
const Command kDelete{.name = "delete",
                      .summary = "Delete the vault",
                      .outputs = kFormats,
                      .arguments = kSandboxArgument,
                      .run = remove};
const Command kCredentialList{.name = "list",
                              .summary = "List credentials",
                              .outputs = kFormats,
                              .arguments = kSandboxArgument,
                              .run = credential_list};
const Command kCredentialGet{.name = "get",
                             .summary = "Show one credential, without its secret",
                             .outputs = kFormats,
                             .arguments = kNamed,
                             .run = credential_get};
const Command* const kCredentialChildren[] = {&kCredentialList, &kCredentialGet};
const Command kCredential{
    .name = "credential", .summary = "Credentials of a vault", .children = kCredentialChildren};
const Command kBindingList{.name = "list",
                           .summary = "List bindings",
                           .outputs = kFormats,
                           .arguments = kSandboxArgument,
                           .run = binding_list};
const Command kBindingGet{.name = "get",
                          .summary = "Show one binding",
                          .outputs = kFormats,
                          .arguments = kNamed,
                          .run = binding_get};
const Command* const kBindingChildren[] = {&kBindingList, &kBindingGet};
const Command kBinding{.name = "binding", .summary = "Bindings of a vault", .children = kBindingChildren};
const Command* const kChildren[] = {&kCreate, &kGet, &kPatch, &kDelete, &kCredential, &kBinding};

}  // namespace

const Command kCredentialVault{.name = "credential-vault",
                               .summary = "Secrets that a sandbox uses without seeing them",
                               .children = kChildren};

}  // namespace osb::cli
