#include "server/auth.h"

#include "base/ids.h"

namespace osb::server {

namespace {

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_open_path(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path == "/health" || path == "/version" || is_proxy_path(path);
}

}  // namespace

bool is_proxy_path(std::string_view path) {
  if (path.find("..") != std::string_view::npos) return false;
  take(path, "/v1");
  if (!take(path, "/sandboxes/")) return false;
  size_t id = path.find('/');
  if (id == 0 || id == std::string_view::npos) return false;
  path.remove_prefix(id);
  if (!take(path, "/proxy/")) return false;
  size_t digits = path.find_first_not_of("0123456789");
  return digits == std::string_view::npos ? !path.empty() : digits > 0 && path[digits] == '/';
}

void check_api_key(const http::Request& request, std::string_view key) {
  if (key.empty() || is_open_path(request.path)) return;
  auto sent = request.headers.find(kApiKeyHeader);
  if (!sent || sent->empty())
    throw Error(ErrorCode::unauthorized, "this server asks for a key in the header OPEN-SANDBOX-API-KEY",
                "MISSING_API_KEY");
  if (!equal_in_constant_time(*sent, key))
    throw Error(ErrorCode::unauthorized, "the key in the header OPEN-SANDBOX-API-KEY is wrong",
                "INVALID_API_KEY");
}

}  // namespace osb::server
