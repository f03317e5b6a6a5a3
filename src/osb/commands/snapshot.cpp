// osb snapshot: states of sandboxes that are kept.
#include <opensandbox/manager.h>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/models.h"

namespace osb::cli {

namespace {

constexpr std::string_view kFormats = "table|json|yaml";

opensandbox::Manager manager(Invocation& run) { return opensandbox::Manager(connection(run)); }

int create(Invocation& run) {
  auto made = manager(run).create_snapshot(run.argument("SANDBOX"), run.option("name").value_or(""));
  run.output().record(snapshot_model(made));
  return 0;
}

int get(Invocation& run) {
  run.output().record(snapshot_model(manager(run).snapshot(run.argument("SNAPSHOT"))));
  return 0;
}

int list(Invocation& run) {
  opensandbox::SnapshotFilter filter{.sandbox_id = run.option("sandbox-id").value_or(""),
                                     .name = run.option("name").value_or(""),
                                     .states = run.options("state")};
  if (auto page = run.number("page", 1, 1'000'000)) filter.page = static_cast<int>(*page);
  if (auto size = run.number("page-size", 1, 200)) filter.page_size = static_cast<int>(*size);
  json::Array rows;
  for (const auto& info : manager(run).list_snapshots(filter).items) rows.push_back(snapshot_model(info));
  static constexpr Column kColumns[] = {{"ID", "id"},
                                        {"NAME", "name"},
                                        {"SANDBOX", "sandbox_id"},
                                        {"STATE", "status.state"},
                                        {"CREATED", "created_at"}};
  run.output().rows(rows, kColumns, "There are no snapshots.");
  return 0;
}

int remove(Invocation& run) {
  std::string id = run.argument("SNAPSHOT");
  manager(run).delete_snapshot(id);
  run.output().done("Deleted snapshot " + id, {{"id", id}});
  return 0;
}

constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};
constexpr Argument kSnapshotArgument[] = {{"SNAPSHOT", "Id of the snapshot"}};
constexpr Option kCreateOptions[] = {{"--name", "NAME", "To find it by"}};
constexpr Option kListOptions[] = {{"--sandbox-id", "ID", "Only of this sandbox"},
                                   {"--name", "NAME", "Only of this name"},
                                   {"--state", "STATE", "Only in this state", true},
                                   {"--page", "N", "Page, from 1"},
                                   {"--page-size", "N", "Snapshots on a page"}};

const Command kCreate{.name = "create",
                      .summary = "Keep the state of a sandbox",
                      .outputs = kFormats,
                      .arguments = kSandboxArgument,
                      .options = kCreateOptions,
                      .run = create};
const Command kGet{.name = "get",
                   .summary = "Show one snapshot",
                   .outputs = kFormats,
                   .arguments = kSnapshotArgument,
                   .run = get};
const Command kList{
    .name = "list", .summary = "List snapshots", .outputs = kFormats, .options = kListOptions, .run = list};
const Command kDelete{.name = "delete",
                      .summary = "Delete a snapshot",
                      .outputs = kFormats,
                      .arguments = kSnapshotArgument,
                      .run = remove};
const Command* const kChildren[] = {&kCreate, &kGet, &kList, &kDelete};

}  // namespace

const Command kSnapshotCommand{
    .name = "snapshot", .summary = "States of sandboxes that are kept", .children = kChildren};

}  // namespace osb::cli
