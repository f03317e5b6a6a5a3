#include "execd/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <toml++/toml.h>

#include "base/fd.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "execd/duration_text.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

constexpr size_t kFileBytes = 256 * 1024;
constexpr size_t kMaxPeriodic = 64;
constexpr int64_t kLongestStart = 10800, kLongestPeriodic = 300;
constexpr milliseconds kShortestPeriod{1000};

[[noreturn]] void refuse(const std::string& place, const std::string& why) {
  refuse_body("lifecycle." + place + ": " + why);
}

const json::Value* find(const json::Object& object, std::string_view name) {
  const json::Value* value = detail::find_member(object, name);
  return value && !value->is_null() ? value : nullptr;
}

const json::Object& object_at(const json::Value& value, const std::string& place) {
  if (!value.is_object()) refuse(place, "expected an object");
  return value.get_object();
}

std::string text_at(const json::Object& object, std::string_view name, const std::string& place) {
  const json::Value* value = find(object, name);
  if (!value || !value->is_string() || value->get_string().empty())
    refuse(place + "." + std::string(name), "expected a text");
  return std::string(value->get_string());
}

Hook hook_at(const json::Object& object, const std::string& place, int64_t longest) {
  Hook out;
  const json::Value* command = find(object, "command");
  if (!command || !command->is_array() || command->get_array().empty())
    refuse(place + ".command", "expected a list of texts");
  for (const json::Value& word : command->get_array()) {
    if (!word.is_string() || std::string_view(word.get_string()).find('\0') != std::string_view::npos)
      refuse(place + ".command", "expected a list of texts");
    out.command.emplace_back(word.get_string());
  }
  if (out.command[0].empty()) refuse(place + ".command", "the program has no name");
  if (const json::Value* seconds = find(object, "timeoutSeconds")) {
    if (!seconds->is_int64() || seconds->get_int64() < 1 || seconds->get_int64() > longest)
      refuse(place + ".timeoutSeconds", "expected 1 to " + std::to_string(longest));
    out.timeout = std::chrono::seconds(seconds->get_int64());
  }
  return out;
}

milliseconds period_of(std::string_view text, const std::string& place) {
  constexpr std::string_view kEvery = "@every ";
  if (text.starts_with(kEvery)) text.remove_prefix(kEvery.size());
  int64_t seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  auto period = error == std::errc() && end == text.data() + text.size() && seconds < 1LL << 32
                    ? std::optional<std::chrono::nanoseconds>(std::chrono::seconds(seconds))
                    : parse_duration(text);
  if (!period || *period < kShortestPeriod) refuse(place, "expected a duration of at least one second");
  return std::chrono::duration_cast<milliseconds>(*period);
}

PeriodicHook periodic_at(const json::Value& value, const std::string& place) {
  const json::Object& object = object_at(value, place);
  PeriodicHook out;
  out.name = text_at(object, "name", place);
  out.every = period_of(text_at(object, "schedule", place), place + ".schedule");
  out.hook = hook_at(object, place, kLongestPeriodic);
  return out;
}

// TOML holds nothing that JSON does not, as far as hooks go.
json::Value to_json(const toml::node& node) {
  if (auto* table = node.as_table()) {
    json::Object out;
    for (const auto& [key, value] : *table) out[std::string_view(key.str())] = to_json(value);
    return out;
  }
  if (auto* array = node.as_array()) {
    json::Array out;
    for (const auto& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (auto text = node.value_exact<std::string>()) return json::Value(*text);
  if (auto number = node.value_exact<int64_t>()) return *number;
  return nullptr;
}

void append_hook(std::string& out, const Hook& hook) {
  // A JSON string without \u escapes above U+FFFF is a TOML string.
  out += "command = [";
  for (size_t i = 0; i < hook.command.size(); ++i) out += (i ? ", " : "") + json_string(hook.command[i]);
  out += "]\ntimeoutSeconds = " + std::to_string(hook.timeout.count()) + "\n";
}

std::string file_of(const Environment& environment) {
  auto get = [&](const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  std::string path = get("EXECD_LIFECYCLE_CONFIG");
  if (!path.empty()) return path;
  std::string home = get("HOME");
  return home.empty() ? home : home + "/.execd/lifecycle.toml";
}

// Written beside it and renamed, so that a reader never finds a part. Best effort: a read-only file system is
// none of our business.
void persist(const std::string& path, const Lifecycle& lifecycle) {
  if (path.empty()) return;
  ::mkdir(path.substr(0, path.rfind('/')).c_str(), 0700);
  std::string next = path + "." + new_hex_id();
  std::string text = lifecycle_toml(lifecycle);
  Fd file(::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  bool good = file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (good && ::rename(next.c_str(), path.c_str()) == 0) return;
  log_info("the lifecycle file is not written", {{"path", path}});
  if (file) ::unlink(next.c_str());
}

// A file that a command with another uid could have written would run its hooks with our rights.
std::optional<std::string> read_trusted(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  if ((info.st_uid != ::geteuid() && info.st_uid != 0) || (info.st_mode & 022) != 0) {
    log_warn("the lifecycle file is left alone: others could have written it", {{"path", path}});
    return std::nullopt;
  }
  std::string text(std::min<size_t>(static_cast<size_t>(info.st_size), kFileBytes), '\0');
  ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(check(n, "reading " + path)));
  return text;
}

}  // namespace

Lifecycle parse_lifecycle(const json::Value& value) {
  if (!value.is_object()) refuse_body("lifecycle: expected an object");
  const json::Object& object = value.get_object();
  Lifecycle out;
  if (const json::Value* start = find(object, "preStart"))
    out.pre_start = hook_at(object_at(*start, "preStart"), "preStart", kLongestStart);
  const json::Value* periodic = find(object, "periodic");
  if (!periodic) return out;
  if (!periodic->is_array() || periodic->get_array().size() > kMaxPeriodic)
    refuse("periodic", "expected a list of at most " + std::to_string(kMaxPeriodic));
  for (const json::Value& item : periodic->get_array()) {
    std::string place = "periodic[" + std::to_string(out.periodic.size()) + "]";
    PeriodicHook hook = periodic_at(item, place);
    if (std::ranges::any_of(out.periodic, [&](const PeriodicHook& other) { return other.name == hook.name; }))
      refuse(place + ".name", "it is taken");
    out.periodic.push_back(std::move(hook));
  }
  return out;
}

Lifecycle parse_lifecycle_toml(std::string_view text) {
  try {
    return parse_lifecycle(to_json(toml::parse(text)));
  } catch (const toml::parse_error& error) {
    refuse_body("lifecycle: " + std::string(error.description()));
  }
}

std::string lifecycle_toml(const Lifecycle& lifecycle) {
  std::string out;
  if (lifecycle.pre_start) {
    out += "[preStart]\n";
    append_hook(out, *lifecycle.pre_start);
  }
  for (const PeriodicHook& periodic : lifecycle.periodic) {
    out += "[[periodic]]\nname = " + json_string(periodic.name) + "\nschedule = \"" +
           std::to_string(periodic.every.count()) + "ms\"\n";
    append_hook(out, periodic.hook);
  }
  return out;
}

Lifecycle lifecycle_of(const Environment& environment) {
  std::string path = file_of(environment);
  auto given = environment.find("OPENSANDBOX_LIFECYCLE");
  if (given != environment.end() && !given->second.empty()) {
    Lifecycle out = parse_lifecycle(json::parse(given->second));
    persist(path, out);
    return out;
  }
  if (path.empty()) return {};
  auto text = read_trusted(path);
  if (!text) return {};
  return parse_lifecycle_toml(*text);
}

}  // namespace osb::execd
