#include "server/config.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <toml++/toml.h>

#include "api/coercion.h"
#include "api/resources.h"
#include "base/error.h"

namespace osb::server {

namespace {

std::optional<std::string> process_environment(const char* name) {
  const char* value = ::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

// One table of the file. Wrong types are refused, unknown keys are not looked at.
class Section {
 public:
  Section(const toml::table& file, std::string name) : name_(std::move(name)) {
    const toml::node* node = file.get(name_);
    if (!node) return;
    table_ = node->as_table();
    if (!table_) fail("", "expected a table");
  }

  std::optional<std::string> text(std::string_view key) const { return value<std::string>(key, "a string"); }
  std::optional<bool> flag(std::string_view key) const { return value<bool>(key, "true or false"); }
  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most) const {
    auto number = value<int64_t>(key, "an integer");
    if (number && (*number < least || *number > most))
      fail(key, fmt::format("expected {} to {}", least, most));
    return number;
  }
  const toml::table* table(std::string_view key) const {
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    if (node && !node->as_table()) fail(key, "expected a table");
    return node ? node->as_table() : nullptr;
  }
  [[noreturn]] void fail(std::string_view key, std::string_view why) const {
    throw Error(ErrorCode::invalid, fmt::format("[{}] {}: {}", name_, key, why));
  }

 private:
  template <class T>
  std::optional<T> value(std::string_view key, std::string_view kind) const {
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    if (!node) return std::nullopt;
    auto exact = node->value_exact<T>();
    if (!exact) fail(key, fmt::format("expected {}", kind));
    return exact;
  }

  std::string name_;
  const toml::table* table_ = nullptr;
};

void read_server(ServerConfig& out, const Section& server) {
  if (auto host = server.text("host")) out.listen_host = *host;
  if (auto port = server.integer("port", 1, 65535)) out.listen_port = static_cast<uint16_t>(*port);
  if (auto key = server.text("api_key")) out.api_key = api::trim(*key);
  if (auto eip = server.text("eip")) out.eip = api::trim(*eip);
  out.max_sandbox_timeout_seconds = server.integer("max_sandbox_timeout_seconds", 60, INT32_MAX);
  if (auto limit = server.integer("limit_concurrency", 0, 1'000'000))
    out.limit_concurrency = static_cast<size_t>(*limit);
  if (auto idle = server.integer("timeout_keep_alive", 1, 86400))
    out.keep_alive = std::chrono::seconds(*idle);
}

void read_log(ServerConfig& out, const Section& section) {
  auto level = section.text("level");
  if (!level) return;
  std::transform(level->begin(), level->end(), level->begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (level->starts_with("debug") || *level == "trace") {
    out.log_level = LogLevel::debug;
  } else if (level->starts_with("info")) {
    out.log_level = LogLevel::info;
  } else if (level->starts_with("warn")) {
    out.log_level = LogLevel::warn;
  } else if (level->starts_with("err") || level->starts_with("crit") || *level == "fatal") {
    out.log_level = LogLevel::error;
  } else {
    section.fail("level", "expected debug, info, warning or error");
  }
}

void read_native(ServerConfig& out, const Section& native) {
  if (auto folder = native.text("images_dir")) out.images_dir = *folder;
  if (auto flag = native.flag("strip_line_terminators")) out.strip_line_terminators = *flag;
  if (auto flag = native.flag("access_token")) out.access_token = *flag;
  if (auto memory = native.text("max_memory")) {
    out.max_memory_bytes = api::parse_memory(*memory);
    if (!out.max_memory_bytes) native.fail("max_memory", "expected bytes such as \"8Gi\"");
  }
  if (auto size = native.text("max_image_bytes")) {
    auto bytes = api::parse_memory(*size);
    if (!bytes) native.fail("max_image_bytes", "expected bytes such as \"16Gi\"");
    out.max_image_bytes = *bytes;
  }
  if (auto count = native.integer("prepared_sandboxes", 0, 1024))
    out.prepared_sandboxes = static_cast<size_t>(*count);
  if (const toml::table* aliases = native.table("aliases")) {
    for (const auto& [name, image] : *aliases) {
      auto text = image.value_exact<std::string>();
      if (!text) native.fail("aliases", "expected image names");
      out.aliases[std::string(name.str())] = *text;
    }
  }
}

// Settings that ask for protection or for another runtime must not be passed over.
void refuse_not_built(const toml::table& file) {
  Section runtime(file, "runtime");
  auto type = runtime.text("type").value_or("native");
  if (type == "docker" || type == "kubernetes")
    runtime.fail("type", fmt::format("the {} runtime is not built yet; use type = \"native\"", type));
  if (type != "native") runtime.fail("type", fmt::format("unknown runtime \"{}\"; use \"native\"", type));
  Section secure(file, "secure_runtime");
  if (!secure.text("type").value_or("").empty()) secure.fail("type", "secure runtimes are not built yet");
  Section ingress(file, "ingress");
  if (ingress.text("mode").value_or("direct") != "direct")
    ingress.fail("mode", "only \"direct\" is built yet");
  if (file.contains("tenants"))
    throw Error(ErrorCode::invalid, "[tenants]: several tenants are not built yet");
}

void read_file(ServerConfig& out, const std::string& path) {
  try {
    toml::table file = toml::parse_file(path);
    refuse_not_built(file);
    read_server(out, Section(file, "server"));
    read_log(out, Section(file, "log"));
    read_native(out, Section(file, "native"));
  } catch (const toml::parse_error& e) {
    throw Error(ErrorCode::invalid,
                fmt::format("reading {}: {} (line {})", path, e.description(), e.source().begin.line));
  } catch (const Error& e) {
    throw Error(ErrorCode::invalid, fmt::format("reading {}: {}", path, e.message()));
  }
  out.config_file = path;
}

std::string expand_home(std::string path, const std::optional<std::string>& home) {
  if (home && (path == "~" || path.starts_with("~/"))) path.replace(0, 1, *home);
  return path;
}

// The file to read; empty: none.
std::string find_file(const ConfigSources& sources, const std::optional<std::string>& from_environment,
                      const std::optional<std::string>& home) {
  std::string path = sources.config_file;
  if (path.empty() && from_environment) path = *from_environment;
  if (!path.empty()) {
    path = expand_home(path, home);
    if (!exists(path))
      throw Error(ErrorCode::invalid, fmt::format("reading {}: there is no such file", path));
    return path;
  }
  if (!home) return {};
  path = *home + "/.sandbox.toml";
  return exists(path) ? path : std::string();
}

bool is_numeric_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

ServerConfig load_config(const ConfigSources& sources) {
  auto environment = sources.environment ? sources.environment : process_environment;
  ServerConfig out;
  if (std::string path = find_file(sources, environment("SANDBOX_CONFIG_PATH"), environment("HOME"));
      !path.empty())
    read_file(out, path);
  if (auto key = environment("OPENSANDBOX_SERVER_API_KEY")) out.api_key = api::trim(*key);
  out.insecure_acknowledged = environment("OPENSANDBOX_INSECURE_SERVER") == "YES";
  if (sources.listen_host) out.listen_host = *sources.listen_host;
  if (sources.listen_port) out.listen_port = *sources.listen_port;
  if (!sources.images_dir.empty()) out.images_dir = sources.images_dir;
  if (out.listen_host == "localhost") out.listen_host = "127.0.0.1";
  if (!is_numeric_address(out.listen_host))
    throw Error(ErrorCode::invalid,
                fmt::format("listening on {}: expected a numeric address", out.listen_host));
  return out;
}

void parse_listen(const std::string& text, ConfigSources& into) {
  auto fail = [&] {
    throw Error(ErrorCode::invalid, fmt::format("listening on {}: expected HOST:PORT, HOST or :PORT", text));
  };
  std::string host = text;
  std::string port;
  bool bracketed = text.starts_with('[');
  size_t close = text.find(']');
  if (bracketed && close == std::string::npos) fail();
  // An IPv6 address without brackets has several colons and no port.
  if (bracketed) {
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port[0] != ':') fail();
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    size_t colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!host.empty()) into.listen_host = host;
  if (port.empty()) return;
  int number = 0;
  auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 0 || number > 65535) fail();
  into.listen_port = static_cast<uint16_t>(number);
}

bool is_loopback_address(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return host == "localhost";
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

void check_exposure(const ServerConfig& config) {
  if (!config.api_key.empty() || is_loopback_address(config.listen_host) || config.insecure_acknowledged)
    return;
  throw Error(
      ErrorCode::invalid,
      fmt::format(
          "starting on {}: others could reach this server and it asks for no key. Set server.api_key or "
          "OPENSANDBOX_SERVER_API_KEY, listen on 127.0.0.1, or set OPENSANDBOX_INSECURE_SERVER=YES",
          config.listen_host));
}

}  // namespace osb::server
