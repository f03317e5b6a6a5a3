#include <opensandbox/connection.h>
#include <stdlib.h>

#include "wire/text.h"

namespace opensandbox {
namespace {

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

std::string first_given(std::string one, std::string two, std::string three) {
  if (!one.empty()) return one;
  return two.empty() ? three : two;
}

}  // namespace

std::string ConnectionConfig::base_url() const {
  std::string scheme = detail::lower(first_given(protocol, environment("OPEN_SANDBOX_PROTOCOL"), "http"));
  if (scheme != "http" && scheme != "https")
    throw Error(ErrorCode::invalid_argument, "protocol must be http or https: " + scheme);
  std::string url = first_given(domain, environment("OPEN_SANDBOX_DOMAIN"), "localhost:8080");
  if (url.find("://") == url.npos) url = scheme + "://" + url;
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/v1") ? url : url + "/v1";
}

std::string ConnectionConfig::effective_api_key() const {
  return api_key ? *api_key : environment("OPEN_SANDBOX_API_KEY");
}

}  // namespace opensandbox
