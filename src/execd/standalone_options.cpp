#include "execd/standalone_options.h"

#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "execd/duration_text.h"

namespace osb::execd {

const char* const kUsage =
    "usage: execd [flags]                    serve until SIGTERM\n"
    "       execd init [flags] [--] CMD...   serve beside CMD and end with its status\n"
    "\n"
    "  --port N                          port to listen on (44772)\n"
    "  --address A                       address to listen on (all, IPv4 and IPv6)\n"
    "  --access-token T                  token to ask for (EXECD_ACCESS_TOKEN; none: every request is "
    "served)\n"
    "  --log-level L                     debug, info, warn, error, or 0 to 7 (info)\n"
    "  --graceful-shutdown-timeout D     how long requests may go on at the end (EXECD_API_GRACE_SHUTDOWN; "
    "200ms)\n"
    "  --runtime-init                    serve nothing before POST /internal/init (EXECD_RUNTIME_INIT)\n"
    "  --init                            the same as the word init (EXECD_INIT)\n"
    "  --help, --version\n"
    "\n"
    "Taken and without effect here: --jupyter-host, --jupyter-token, --jupyter-idle-poll-interval, "
    "--isolation-config.\n"
    "EXECD_LOG_FILE names a file for the log, OPENSANDBOX_LOG_OUTPUT a list of stdout, stderr and files.\n";

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kSecretFlags[] = {"access-token", "jupyter-token"};
constexpr std::string_view kSecretVariables[] = {"EXECD_ACCESS_TOKEN=", "JUPYTER_TOKEN="};
constexpr std::string_view kSwitches[] = {"init", "runtime-init"};

bool is_one_of(std::string_view name, const auto& list) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::string get(const Environment& environment, const char* name) {
  auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

bool is_true(std::string_view text) {
  return is_one_of(
      text, std::initializer_list<std::string_view>{"1", "t", "T", "true", "TRUE", "True", "yes", "on"});
}
bool is_false(std::string_view text) {
  return is_one_of(
      text, std::initializer_list<std::string_view>{"0", "f", "F", "false", "FALSE", "False", "no", "off"});
}

bool truth_of(std::string_view text, std::string_view of) {
  if (!is_true(text) && !is_false(text))
    throw UsageError("invalid value \"" + std::string(text) + "\" for " + std::string(of) +
                     ": true or false?");
  return is_true(text);
}

milliseconds duration_of(std::string_view text, std::string_view of) {
  auto value = parse_duration(text);
  if (!value)
    throw UsageError("invalid value \"" + std::string(text) + "\" for " + std::string(of) + ": no duration");
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(*value));
}

uint16_t port_of(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw UsageError("invalid value \"" + std::string(text) + "\" for --port");
  return port;
}

LogLevel level_of(std::string_view text) {
  constexpr std::pair<std::string_view, LogLevel> kNames[] = {{"debug", LogLevel::debug},
                                                              {"info", LogLevel::info},
                                                              {"warn", LogLevel::warn},
                                                              {"error", LogLevel::error}};
  for (const auto& [name, level] : kNames)
    if (name == text) return level;
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw UsageError("invalid value \"" + std::string(text) + "\" for --log-level");
  if (number <= 3) return LogLevel::error;
  if (number == 4) return LogLevel::warn;
  return number <= 6 ? LogLevel::info : LogLevel::debug;
}

bool clone3_compat_of(const std::string& text) {
  if (text.empty() || is_one_of(text, std::initializer_list<std::string_view>{"0", "false", "off", "no"}))
    return false;
  if (is_one_of(text, std::initializer_list<std::string_view>{"1", "true", "on", "yes", "reexec"}))
    return true;
  throw Error(ErrorCode::invalid, "reading EXECD_CLONE3_COMPAT: " + text + " is none of its values");
}

std::vector<std::string> log_outputs_of(const Environment& environment) {
  std::string file = get(environment, "EXECD_LOG_FILE");
  if (!file.empty()) return {file};
  std::vector<std::string> out;
  std::string list = get(environment, "OPENSANDBOX_LOG_OUTPUT");
  for (size_t at = 0; at < list.size();) {
    size_t end = std::min(list.find(',', at), list.size());
    std::string one = list.substr(at, end - at);
    one.erase(0, one.find_first_not_of(' '));
    one.erase(one.find_last_not_of(' ') + 1);
    if (!one.empty()) out.push_back(std::move(one));
    at = end + 1;
  }
  return out.empty() ? std::vector<std::string>{"stderr"} : out;
}

void check_jupyter(const Environment& environment) {
  std::string host = get(environment, "JUPYTER_HOST");
  if (!host.empty() && !host.starts_with("http://") && !host.starts_with("https://"))
    throw UsageError("JUPYTER_HOST must begin with http:// or https://");
  std::string interval = get(environment, "EXECD_JUPYTER_IDLE_POLL_INTERVAL");
  if (!interval.empty()) duration_of(interval, "EXECD_JUPYTER_IDLE_POLL_INTERVAL");
}

void apply_environment(StandaloneOptions& options) {
  const Environment& environment = options.environment;
  options.token = get(environment, "EXECD_ACCESS_TOKEN");
  options.wait_for_init = is_true(get(environment, "EXECD_RUNTIME_INIT"));
  options.wrap = is_true(get(environment, "EXECD_INIT"));
  options.isolation_config = get(environment, "EXECD_ISOLATION_CONFIG");
  options.clone3_compat = clone3_compat_of(get(environment, "EXECD_CLONE3_COMPAT"));
  options.log_outputs = log_outputs_of(environment);
  std::string grace = get(environment, "EXECD_API_GRACE_SHUTDOWN");
  if (!grace.empty()) options.grace = duration_of(grace, "EXECD_API_GRACE_SHUTDOWN");
  check_jupyter(environment);
}

void apply_flag(StandaloneOptions& options, std::string_view name, const std::string& value) {
  if (name == "port")
    options.port = port_of(value);
  else if (name == "address")
    options.address = value;
  else if (name == "access-token")
    options.token = value;
  else if (name == "log-level")
    options.log_level = level_of(value);
  else if (name == "graceful-shutdown-timeout")
    options.grace = duration_of(value, "--graceful-shutdown-timeout");
  else if (name == "jupyter-idle-poll-interval")
    duration_of(value, "--jupyter-idle-poll-interval");
  else if (name == "runtime-init")
    options.wait_for_init = truth_of(value, "--runtime-init");
  else if (name == "init")
    options.wrap = truth_of(value, "--init");
  else if (name == "isolation-config")
    options.isolation_config = value;
  else if (name != "jupyter-host" && name != "jupyter-token")
    throw UsageError("flag provided but not defined: -" + std::string(name));
}

// "--name=value" → name and value. nullopt for a word that is no flag.
struct Flag {
  std::string name;
  std::optional<std::string> value;
};
std::optional<Flag> flag_of(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return std::nullopt;
  std::string name = word.substr(word[1] == '-' ? 2 : 1);
  if (name.empty() || name[0] == '-' || name[0] == '=') throw UsageError("bad flag syntax: " + word);
  size_t equals = name.find('=');
  if (equals == std::string::npos) return Flag{name, std::nullopt};
  return Flag{name.substr(0, equals), name.substr(equals + 1)};
}

}  // namespace

StandaloneOptions parse_standalone_options(const std::vector<std::string>& arguments,
                                           Environment environment) {
  StandaloneOptions options;
  options.environment = std::move(environment);
  apply_environment(options);
  size_t i = 0;
  if (!arguments.empty() && arguments[0] == "init") options.wrap = true, i = 1;
  for (; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      ++i;
      break;
    }
    std::optional<Flag> flag = flag_of(arguments[i]);
    if (!flag) break;
    if (is_one_of(flag->name, std::initializer_list<std::string_view>{"help", "h"}))
      options.help = true;
    else if (flag->name == "version")
      options.version = true;
    else if (is_one_of(flag->name, kSwitches))
      apply_flag(options, flag->name, flag->value.value_or("true"));
    else if (!flag->value && i + 1 >= arguments.size()) {
      apply_flag(options, flag->name, "0");  // an unknown flag is told before a missing value
      throw UsageError("flag needs an argument: -" + flag->name);
    } else
      apply_flag(options, flag->name, flag->value ? *flag->value : arguments[++i]);
  }
  options.command.assign(arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
  if (!options.command.empty() && !options.wrap)
    throw UsageError("unexpected argument: " + options.command[0] +
                     " (to wrap a command: execd init -- CMD)");
  return options;
}

void hide_secrets(int argc, char** argv) {
  for (char** entry = environ; *entry; ++entry)
    for (std::string_view name : kSecretVariables)
      if (std::string_view(*entry).starts_with(name))
        ::memset(*entry + name.size(), '*', ::strlen(*entry) - name.size());
  for (int i = 1; i < argc && ::strcmp(argv[i], "--") != 0; ++i) {
    char* name = argv[i];
    if (*name != '-') continue;
    while (*name == '-') ++name;
    char* equals = ::strchr(name, '=');
    std::string_view flag(name, equals ? static_cast<size_t>(equals - name) : ::strlen(name));
    if (!is_one_of(flag, kSecretFlags)) continue;
    char* value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : nullptr;
    if (value) ::memset(value, '*', ::strlen(value));
  }
}

}  // namespace osb::execd
