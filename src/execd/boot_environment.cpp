#include "execd/boot_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <charconv>

#include "base/fd.h"
#include "base/log.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

constexpr uint16_t kJupyterPort = 44771;
constexpr size_t kEtcBytes = 64 * 1024;

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
  auto found = environment.find("JUPYTER_PORT");
  if (found == environment.end()) return kJupyterPort;
  const std::string& text = found->second;
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : kJupyterPort;
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
