// osb template: templates of servers that have them; the API's JSON is passed on as it is.
#include <opensandbox/manager.h>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/models.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

constexpr std::string_view kFormats = "table|json|yaml";

json::Value call(Invocation& run, const std::string& method, const std::string& path,
                 const std::string& body = {}) {
  std::string answer = opensandbox::Manager(connection(run)).call(method, path, body);
  return answer.empty() ? json::Value(json::Object()) : json::parse(answer);
}

// One part of a path or query.
std::string escaped(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain =
        (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : std::string("%") + kHex[byte >> 4] + kHex[byte & 15];
  }
  return out;
}

json::Object object_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  json::Object out;
  for (const auto& [key, value] : pairs) out[key] = value;
  return out;
}

json::Value request(Invocation& run) {
  if (auto path = run.option("file")) return read_json_file(*path);
  json::Object body{{"image", run.required("image")}, {"publish", run.required("publish")}};
  if (auto format = run.option("format")) body["format"] = *format;
  if (auto pairs = run.pairs("resource"); !pairs.empty()) body["resourceLimits"] = object_of(pairs);
  if (auto pairs = run.pairs("env"); !pairs.empty()) body["env"] = object_of(pairs);
  if (auto pairs = run.pairs("metadata"); !pairs.empty()) body["metadata"] = object_of(pairs);
  if (auto words = run.options("entrypoint"); !words.empty()) body["entrypoint"] = list_model(words);
  json::Object readiness;
  if (auto probe = run.option("readiness-probe")) readiness["probe"] = *probe;
  if (auto seconds = run.number("warmup-seconds", 0, 86400)) readiness["warmupSeconds"] = *seconds;
  if (!readiness.empty()) body["readiness"] = readiness;
  return body;
}

// The API's names in osb's spelling: templateId -> template_id.
json::Value snake(const json::Value& value) {
  if (!value.is_object()) return value;
  json::Object out;
  for (const auto& member : value.get_object()) {
    std::string key;
    for (char c : member.key()) {
      bool upper = c >= 'A' && c <= 'Z';
      key += upper ? std::string("_") + static_cast<char>(c + 32) : std::string(1, c);
    }
    bool names = key == "env" || key == "metadata" || key == "resource_limits";  // their keys are the user's
    out[key] = names ? member.value() : snake(member.value());
  }
  return out;
}

int create(Invocation& run) {
  run.output().record(snake(call(run, "POST", "/templates", json::serialize(request(run)))).as_object());
  return 0;
}

int get(Invocation& run) {
  run.output().record(snake(call(run, "GET", "/templates/" + escaped(run.argument("TEMPLATE")))).as_object());
  return 0;
}

int list(Invocation& run) {
  std::string query, filter;
  for (const auto& [key, value] : run.pairs("metadata"))
    filter += (filter.empty() ? "" : "&") + escaped(key) + "=" + escaped(value);
  if (!filter.empty()) query += "&metadata=" + escaped(filter);
  if (auto page = run.number("page", 1, 1'000'000)) query += "&page=" + std::to_string(*page);
  if (auto size = run.number("page-size", 1, 200)) query += "&pageSize=" + std::to_string(*size);
  if (!query.empty()) query[0] = '?';
  json::Array rows;
  json::Value answer = call(run, "GET", "/templates" + query);
  for (const json::Value& item : answer.at("items").as_array()) rows.push_back(snake(item));
  static constexpr Column kColumns[] = {{"TEMPLATE", "template_id"}, {"STATE", "status.phase"},
                                        {"IMAGE", "image"},          {"FORMAT", "format"},
                                        {"CREATED", "created_at"},   {"UPDATED", "updated_at"}};
  run.output().rows(rows, kColumns, "There are no templates.");
  return 0;
}

int remove(Invocation& run) {
  std::string id = run.argument("TEMPLATE");
  call(run, "DELETE", "/templates/" + escaped(id));
  run.output().done("Deleted template " + id, {{"template_id", id}});
  return 0;
}

constexpr Argument kTemplateArgument[] = {{"TEMPLATE", "Id of the template"}};
constexpr Option kCreateOptions[] = {{"-i,--image", "IMAGE", "Image it is made from"},
                                     {"-p,--publish", "TARGET", "Where the result is put"},
                                     {"-f,--file", "FILE", "JSON of the whole request; - is standard input"},
                                     {"--resource", "KEY=VALUE", "cpu, memory or disk", true},
                                     {"--entrypoint", "ARG", "Word of the entrypoint", true},
                                     {"-e,--env", "KEY=VALUE", "Environment variable", true},
                                     {"-m,--metadata", "KEY=VALUE", "Label to find it by", true},
                                     {"--format", "native|overlaybd", "Kind of the result"},
                                     {"--readiness-probe", "PROBE", "How it is seen to be ready"},
                                     {"--warmup-seconds", "N", "How long it is warmed up"}};
constexpr Option kListOptions[] = {{"-m,--metadata", "KEY=VALUE", "Only with this label", true},
                                   {"--page", "N", "Page, from 1"},
                                   {"--page-size", "N", "Templates on a page"}};

const Command kCreate{.name = "create",
                      .summary = "Make a template",
                      .outputs = kFormats,
                      .options = kCreateOptions,
                      .run = create};
const Command kGet{.name = "get",
                   .summary = "Show one template",
                   .outputs = kFormats,
                   .arguments = kTemplateArgument,
                   .run = get};
const Command kList{
    .name = "list", .summary = "List templates", .outputs = kFormats, .options = kListOptions, .run = list};
const Command kDelete{.name = "delete",
                      .summary = "Delete a template",
                      .outputs = kFormats,
                      .arguments = kTemplateArgument,
                      .run = remove};
const Command* const kChildren[] = {&kCreate, &kGet, &kList, &kDelete};

}  // namespace

const Command kTemplateCommand{
    .name = "template", .summary = "Templates of sandboxes, where a server has them", .children = kChildren};

}  // namespace osb::cli
