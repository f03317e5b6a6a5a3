#include "execd/boot_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fd.h"
#include "base/log.h"
#include "execd/duration_text.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

constexpr uint16_t kJupyterPort = 44771;
constexpr size_t kEtcBytes = 64 * 1024;
constexpr std::chrono::milliseconds kGrace{200}, kLongestGrace{60000};
constexpr size_t kLeastReplay = 4096;
constexpr size_t kMostReplay = 64 * 1024 * 1024;
constexpr size_t kSmallestJournal = 64 * 1024;
constexpr size_t kLargestJournal = 1024 * 1024 * 1024;

// nullopt where it is not set, or no such number.
template <class Number>
std::optional<Number> number_of(const Environment& environment, const char* name) {
  auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  const std::string& text = found->second;
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An empty file where clients append variables for later commands; without it they still work, only that
// fails.
void make_env_file(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    ::mkdir(path.substr(0, slash).c_str(), 0755);
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file)
    log_warn("the environment file cannot be made", {{"path", path}, {"error", ::strerrordesc_np(errno)}});
}

}  // namespace

Environment base_environment(Environment environment) {
  remove_private_variables(environment);
  auto [entry, added] = environment.try_emplace(std::string(kEnvFileVariable), kDefaultEnvFile);
  make_env_file(entry->second);
  return environment;
}

uint16_t jupyter_port(const Environment& environment) {
  return number_of<uint16_t>(environment, "JUPYTER_PORT").value_or(kJupyterPort);
}

ExecutionLimits execution_limits(const Environment& environment) {
  ExecutionLimits limits;
  if (auto bytes = number_of<size_t>(environment, "EXECD_JOURNAL_BYTES"))
    limits.journal_bytes = std::clamp(*bytes, kSmallestJournal, kLargestJournal);
  limits.bytes = std::max(limits.bytes, limits.journal_bytes);
  return limits;
}

std::chrono::milliseconds grace_time(const Environment& environment) {
  using std::chrono::milliseconds;
  auto found = environment.find("EXECD_API_GRACE_SHUTDOWN");
  auto given = found == environment.end() ? std::nullopt : parse_duration(found->second);
  if (!given) return kGrace;
  return std::clamp(std::chrono::duration_cast<milliseconds>(*given), milliseconds(0), kLongestGrace);
}

PtyOptions pty_options(const Environment& environment) {
  PtyOptions options;
  if (auto bytes = number_of<size_t>(environment, "EXECD_PTY_REPLAY_BYTES"))
    options.replay_bytes = std::clamp(*bytes, kLeastReplay, kMostReplay);
  return options;
}

void set_metrics_export(DaemonOptions& options, const Environment& environment, const std::string& version) {
  options.version = version;
  options.metric_attributes = common_attributes(environment);
  try {
    auto text = [](const char* path) { return read_small_file(path, kEtcBytes).value_or(""); };
    options.export_metrics = otlp_config(environment, text("/etc/hostinfo"), text("/etc/hosts"));
  } catch (const Error& error) {
    log_warn("metrics are not exported", {{"error", error.message()}});
  }
}

}  // namespace osb::execd
