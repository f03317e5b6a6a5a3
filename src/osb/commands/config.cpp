// osb config: the configuration file.
#include "osb/commands/all.h"
#include "osb/config_file.h"
#include "osb/invocation.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

std::string path_of(const Invocation& run) {
  return config_path(setting_flags(run.line()), process_environment());
}

// Enough of a key to tell one from another, never the whole of it.
std::string masked(const std::string& key) {
  if (key.empty()) return "";
  return key.size() < 12 ? "****" : key.substr(0, 4) + "****" + key.substr(key.size() - 2);
}

int init(Invocation& run) {
  std::string path = path_of(run);
  if (!run.flag("force") && !read_config(path).empty())
    throw Problem("CONFIGURATION", "writing " + path + ": the file is there already",
                  "--force writes it anew; osb config set changes single settings");
  write_config(path, std::string(config_template()));
  run.output().done("Wrote " + path, {{"path", path}});
  return 0;
}

json::Object entry(const json::Value& value, Source source) {
  return {{"value", value}, {"source", to_string(source)}};
}

int show(Invocation& run) {
  const Settings& settings = run.settings();
  json::Object all{
      {"connection.api_key", entry(json::Value(masked(settings.api_key.value)), settings.api_key.source)},
      {"connection.domain", entry(json::Value(settings.domain.value), settings.domain.source)},
      {"connection.protocol", entry(json::Value(settings.protocol.value), settings.protocol.source)},
      {"connection.request_timeout", entry(settings.request_timeout.value, settings.request_timeout.source)},
      {"connection.use_server_proxy",
       entry(settings.use_server_proxy.value, settings.use_server_proxy.source)},
      {"output.color", entry(settings.color.value, settings.color.source)},
      {"defaults.image", entry(json::Value(settings.image.value), settings.image.source)},
      {"defaults.timeout", entry(json::Value(settings.timeout.value), settings.timeout.source)}};
  if (!run.output().is_table()) {
    json::Object out{{"file", settings.file}, {"file_present", settings.file_present}};
    out["settings"] = std::move(all);
    run.output().record(out);
    return 0;
  }
  static constexpr Column kColumns[] = {{"SETTING", "name"}, {"VALUE", "value"}, {"FROM", "source"}};
  json::Array rows;
  for (const auto& member : all) {
    json::Object row = member.value().get_object();
    row["name"] = member.key();
    rows.push_back(std::move(row));
  }
  run.output().rows(rows, kColumns, "");
  run.output().text("\nFile: " + settings.file + (settings.file_present ? "\n" : " (not there)\n"));
  return 0;
}

int set(Invocation& run) {
  std::string path = path_of(run), name = run.argument("SECTION.FIELD");
  std::string value = toml_value(name, run.argument("VALUE"));
  write_config(path, with_setting(read_config(path), name, value));
  run.output().done("Set " + name + " in " + path, {{"path", path}, {"setting", name}});
  return 0;
}

constexpr Option kInitOptions[] = {{"-f,--force", "", "Replace a file that is there"}};
constexpr Argument kSetArguments[] = {{"SECTION.FIELD", "Such as connection.domain or defaults.image"},
                                      {"VALUE", "Its new value"}};

constexpr std::string_view kFormats = "table|json|yaml";

const Command kInit{.name = "init",
                    .summary = "Write a configuration file with every setting in it, commented out",
                    .outputs = kFormats,
                    .options = kInitOptions,
                    .run = init};
const Command kShow{.name = "show",
                    .summary = "Show what counts, and where it comes from; the key is masked",
                    .outputs = kFormats,
                    .run = show};
const Command kSet{.name = "set",
                   .summary = "Change one setting of the file; comments stay",
                   .details =
                       "  osb config set connection.domain sandboxes.example:8080\n"
                       "  osb config set defaults.image host",
                   .outputs = kFormats,
                   .arguments = kSetArguments,
                   .run = set};
const Command* const kChildren[] = {&kInit, &kShow, &kSet};

}  // namespace

const Command kConfig{
    .name = "config", .summary = "Defaults for address, key and output", .children = kChildren};

}  // namespace osb::cli
