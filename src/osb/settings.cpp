#include "osb/settings.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <charconv>
#include <toml++/toml.h>

#include "osb/duration_words.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

[[noreturn]] void refuse(Source source, const std::string& where, const std::string& why) {
  if (source == Source::flag) throw UsageProblem(where + ": " + why);
  throw Problem(
      "CONFIGURATION", "reading " + where + ": " + why,
      source == Source::file ? "osb config show, osb config set SECTION.FIELD VALUE" : "change the variable");
}

bool read_truth(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower == "1" || lower == "true" || lower == "yes" || lower == "on";
}

struct Reader {
  Settings& out;

  void protocol(std::string text, Source source, const std::string& where) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (text != "http" && text != "https")
      refuse(source, where, "expected http or https, not \"" + text + "\"");
    out.protocol = {text, source};
  }
  void seconds(std::string_view text, Source source, const std::string& where) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 86400)
      refuse(source, where, "expected 1 to 86400 seconds, not \"" + std::string(text) + "\"");
    out.request_timeout = {value, source};
  }
};

// One section of the file.
class Section {
 public:
  Section(const toml::table& file, std::string path, const char* name) : where_(path + " [" + name + "] ") {
    const toml::node* node = file.get(name);
    if (node && !node->is_table()) refuse(Source::file, where_, "expected a table");
    if (node) table_ = node->as_table();
  }

  template <class T>
  std::optional<T> get(const char* key, const char* kind) const {
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    if (!node) return std::nullopt;
    std::optional<T> value = node->value_exact<T>();
    if (!value) refuse(Source::file, where_ + key, std::string("expected ") + kind);
    return value;
  }
  template <class T>
  void take(Setting<T>& out, const char* key, const char* kind) const {
    if (std::optional<T> value = get<T>(key, kind)) out = {*value, Source::file};
  }
  std::string where(const char* key) const { return where_ + key; }

 private:
  std::string where_;
  const toml::table* table_ = nullptr;
};

void read_file(Settings& out, Reader& reader) {
  toml::table file;
  try {
    file = toml::parse_file(out.file);
  } catch (const toml::parse_error& error) {
    refuse(Source::file, out.file + ":" + std::to_string(error.source().begin.line),
           std::string(error.description()));
  }
  Section connection(file, out.file, "connection"), output(file, out.file, "output"),
      defaults(file, out.file, "defaults");
  connection.take(out.api_key, "api_key", "a string");
  connection.take(out.domain, "domain", "a string");
  if (auto text = connection.get<std::string>("protocol", "a string"))
    reader.protocol(*text, Source::file, connection.where("protocol"));
  if (auto number = connection.get<int64_t>("request_timeout", "an integer"))
    reader.seconds(std::to_string(*number), Source::file, connection.where("request_timeout"));
  connection.take(out.use_server_proxy, "use_server_proxy", "true or false");
  output.take(out.color, "color", "true or false");
  defaults.take(out.image, "image", "a string");
  defaults.take(out.timeout, "timeout", "a string");
  try {
    read_duration_or_none("", out.timeout.value);
  } catch (const Problem&) {
    refuse(Source::file, defaults.where("timeout"),
           "\"" + out.timeout.value + "\" is neither a duration nor none");
  }
}

void read_environment(Settings& out, Reader& reader, const Environment& environment) {
  constexpr Source source = Source::environment;
  if (auto text = environment("OPEN_SANDBOX_API_KEY")) out.api_key = {*text, source};
  if (auto text = environment("OPEN_SANDBOX_DOMAIN"); text && !text->empty()) out.domain = {*text, source};
  if (auto text = environment("OPEN_SANDBOX_PROTOCOL"); text && !text->empty())
    reader.protocol(*text, source, "OPEN_SANDBOX_PROTOCOL");
  if (auto text = environment("OPEN_SANDBOX_REQUEST_TIMEOUT"); text && !text->empty())
    reader.seconds(*text, source, "OPEN_SANDBOX_REQUEST_TIMEOUT");
  if (auto text = environment("OPEN_SANDBOX_USE_SERVER_PROXY"); text && !text->empty())
    out.use_server_proxy = {read_truth(*text), source};
  if (auto text = environment("NO_COLOR"); text && !text->empty()) out.color = {false, source};
}

void read_flags(Settings& out, Reader& reader, const SettingFlags& flags) {
  constexpr Source source = Source::flag;
  if (flags.api_key) out.api_key = {*flags.api_key, source};
  if (flags.domain) out.domain = {*flags.domain, source};
  if (flags.protocol) reader.protocol(*flags.protocol, source, "--protocol");
  if (flags.request_timeout) reader.seconds(*flags.request_timeout, source, "--request-timeout");
  if (flags.use_server_proxy) out.use_server_proxy = {*flags.use_server_proxy, source};
  if (flags.no_color) out.color = {false, source};
}

}  // namespace

std::string_view to_string(Source source) {
  static constexpr std::string_view kNames[] = {"default", "file", "environment", "flag"};
  return kNames[static_cast<size_t>(source)];
}

Environment process_environment() {
  return [](const char* name) {
    const char* value = ::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::string config_path(const SettingFlags& flags, const Environment& environment) {
  if (flags.config) return *flags.config;
  std::optional<std::string> home = environment("HOME");
  return home && !home->empty() ? *home + "/.opensandbox/config.toml" : std::string();
}

Settings load_settings(const SettingFlags& flags, const Environment& environment) {
  Settings out;
  Reader reader{out};
  out.file = config_path(flags, environment);
  struct stat status;
  out.file_present = !out.file.empty() && ::stat(out.file.c_str(), &status) == 0;
  if (!out.file_present && flags.config)
    throw Problem("CONFIGURATION", "reading " + out.file + ": there is no such file",
                  "osb config init --config " + out.file);
  if (out.file_present) read_file(out, reader);
  read_environment(out, reader, environment);
  read_flags(out, reader, flags);
  return out;
}

}  // namespace osb::cli
