// How to reach the server and how to print: flags over environment over configuration file over defaults.
// Every value remembers where it came from, for `osb config show` and `osb doctor`.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace osb::cli {

enum class Source { fallback, file, environment, flag };
std::string_view to_string(Source source);  // "default", "file", "environment", "flag"

template <class T>
struct Setting {
  T value;
  Source source = Source::fallback;
};

struct Settings {
  std::string file;  // path of the configuration file, empty if there is no home directory
  bool file_present = false;
  Setting<std::string> api_key{""};
  Setting<std::string> domain{"localhost:8080"};
  Setting<std::string> protocol{"http"};
  Setting<int64_t> request_timeout{30};  // seconds
  Setting<bool> use_server_proxy{false};
  Setting<bool> color{true};
  Setting<std::string> image{""};       // of `sandbox create`, `run`, `code`; empty: must be given
  Setting<std::string> timeout{"10m"};  // life of a new sandbox; "none": until it is killed
};

struct SettingFlags {
  std::optional<std::string> api_key, domain, protocol, request_timeout, config;
  std::optional<bool> use_server_proxy;
  bool no_color = false;
};

using Environment = std::function<std::optional<std::string>(const char*)>;
Environment process_environment();

// Throws UsageProblem for a bad flag, Problem for a bad variable or a file that cannot be read, is no TOML or
// holds a value of the wrong kind; they name the place. A file that is not there counts as empty, unless a
// flag named it.
Settings load_settings(const SettingFlags& flags, const Environment& environment);
// --config, else $HOME/.opensandbox/config.toml, else empty.
std::string config_path(const SettingFlags& flags, const Environment& environment);

}  // namespace osb::cli
