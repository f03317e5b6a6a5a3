#include "execd/telemetry/otlp_config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/trim.h"
#include "net/address.h"

namespace osb::execd {
namespace {

constexpr uint16_t kCollectorPort = 4318;
constexpr uint16_t kHttpPort = 80;
constexpr std::string_view kMetricsPath = "/v1/metrics";
constexpr std::chrono::milliseconds kShortestInterval{100};

std::string get(const Environment& environment, const std::string& name) {
  auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// The setting for metrics alone, else the one for all signals.
std::string otlp_setting(const Environment& environment, const std::string& name) {
  std::string own = get(environment, "OTEL_EXPORTER_OTLP_METRICS_" + name);
  return own.empty() ? get(environment, "OTEL_EXPORTER_OTLP_" + name) : own;
}

// Without the exception of net::tcp_address(): the first one of a process costs it milliseconds, and every
// start comes through here.
bool is_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;  // inet_pton() would stop there
  bool bracketed = text.size() > 2 && text.starts_with('[') && text.ends_with(']');
  std::string name(bracketed ? text.substr(1, text.size() - 2) : text);
  in_addr v4;
  in6_addr v6;
  return (!bracketed && ::inet_pton(AF_INET, name.c_str(), &v4) == 1) ||
         ::inet_pton(AF_INET6, name.c_str(), &v6) == 1;
}

constexpr std::string_view kBlanks = " \t\r";

template <class Use>
void for_each_part(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    use(trim(text.substr(0, end), kBlanks));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

template <class Use>
void for_each_pair(std::string_view text, Use use) {
  for_each_part(text, ',', [&](std::string_view part) {
    size_t equals = part.find('=');
    if (equals != std::string_view::npos && equals > 0)
      use(trim(part.substr(0, equals), kBlanks), trim(part.substr(equals + 1), kBlanks));
  });
}

std::string host_address(std::string_view hostinfo) {
  std::string out;
  for_each_part(hostinfo, '\n', [&](std::string_view line) {
    if (out.empty() && is_address(line)) out = line;
  });
  return out;
}

// "127.0.0.1 localhost box" → the first address of that name.
std::string look_up(std::string_view hosts, std::string_view name) {
  std::string out = name == "localhost" ? "127.0.0.1" : "";
  for_each_part(hosts, '\n', [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    std::string_view address = line.substr(0, line.find_first_of(" \t"));
    if (!out.empty() || !is_address(address)) return;
    for_each_part(line.substr(address.size()), ' ', [&](std::string_view word) {
      for_each_part(word, '\t', [&](std::string_view one) {
        if (one == name) out = address;
      });
    });
  });
  return out;
}

std::string endpoint_url(const Environment& environment, std::string_view hostinfo) {
  std::string url = get(environment, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  if (!url.empty()) return url;
  url = get(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (url.empty()) {
    std::string address = get(environment, "HOST_IP");
    if (!is_address(address)) address = host_address(hostinfo);
    if (address.empty()) return {};
    bool v6 = address.find(':') != std::string::npos && address.front() != '[';
    url = "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(kCollectorPort);
  }
  while (url.ends_with('/')) url.pop_back();
  return url + std::string(kMetricsPath);
}

Error bad_endpoint(std::string_view why) {
  return Error(ErrorCode::invalid, "reading the endpoint for metrics: " + std::string(why));
}

void set_target(OtlpConfig& out, std::string_view url, std::string_view hosts) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) throw bad_endpoint("https:// is not supported, this program has no TLS");
  if (!url.starts_with(kScheme)) throw bad_endpoint("it does not begin with http://");
  url.remove_prefix(kScheme.size());
  std::string_view authority = url.substr(0, url.find_first_of("/?"));
  out.path = url.substr(authority.size());
  if (!out.path.starts_with('/')) out.path.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) throw bad_endpoint("a user in it is not supported");
  out.host = authority;
  size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) != std::string_view::npos)
    colon = std::string_view::npos;  // inside of [::1]
  std::string host(authority.substr(0, colon));
  out.target.port = kHttpPort;
  if (colon != std::string_view::npos) {
    std::string_view digits = authority.substr(colon + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.target.port);
    if (error != std::errc() || end != digits.data() + digits.size() || out.target.port == 0)
      throw bad_endpoint("the port is not one");
  }
  out.target.host = is_address(host) ? host : look_up(hosts, host);
  if (host.empty()) throw bad_endpoint("it names no host");
  if (out.target.host.empty()) out.name = host;
}

std::chrono::milliseconds milliseconds_or(const std::string& text, std::chrono::milliseconds otherwise) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = error == std::errc() && end == text.data() + text.size() && value > 0 && value < 1LL << 40;
  return good ? std::chrono::milliseconds(value) : otherwise;
}

}  // namespace

std::optional<OtlpConfig> otlp_config(const Environment& environment, std::string_view hostinfo,
                                      std::string_view hosts) {
  if (get(environment, "OTEL_SDK_DISABLED") == "true" || get(environment, "OTEL_METRICS_EXPORTER") == "none")
    return std::nullopt;
  std::string url = endpoint_url(environment, hostinfo);
  if (url.empty()) return std::nullopt;
  OtlpConfig out;
  set_target(out, url, hosts);
  out.interval = std::max(kShortestInterval,
                          milliseconds_or(get(environment, "OTEL_METRIC_EXPORT_INTERVAL"), out.interval));
  out.timeout = milliseconds_or(otlp_setting(environment, "TIMEOUT"), out.timeout);
  for_each_pair(otlp_setting(environment, "HEADERS"), [&](std::string_view name, std::string_view value) {
    std::string plain = http::percent_decode(value).value_or(std::string(value));
    bool clean = (std::string(name) + plain).find_first_of("\r\n") == std::string::npos;
    if (clean) out.headers.add(std::string(name), std::move(plain));
  });
  return out;
}

Attributes common_attributes(const Environment& environment) {
  Attributes out;
  std::string id = get(environment, "OPENSANDBOX_ID");
  if (!id.empty()) out.emplace_back("sandbox_id", id);
  for_each_pair(get(environment, "OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS"),
                [&](std::string_view name, std::string_view value) {
                  out.emplace_back(std::string(name), std::string(value));
                });
  return out;
}

}  // namespace osb::execd
