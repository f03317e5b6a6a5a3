#include "transport/address.h"

#include <opensandbox/error.h>

#include <charconv>

#include "wire/text.h"

namespace opensandbox::detail {
namespace {

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
  throw Error(ErrorCode::invalid_argument,
              "reading the address \"" + std::string(url) + "\": " + std::string(why));
}

uint16_t parse_port(std::string_view text, std::string_view url) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535)
    refuse(url, "bad port");
  return static_cast<uint16_t>(port);
}

}  // namespace

std::string Address::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (secure ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string Address::url() const { return (secure ? "https://" : "http://") + authority() + path; }

Address parse_address(std::string_view url) {
  size_t colon = url.find("://");
  std::string scheme = colon == url.npos ? "" : lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https") refuse(url, "not http:// or https://");
  for (char c : url)
    if (static_cast<unsigned char>(c) <= ' ') refuse(url, "it holds a blank");
  std::string_view rest = url.substr(colon + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (size_t at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);

  Address address;
  address.secure = scheme == "https";
  address.port = address.secure ? 443 : 80;
  size_t port_at = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  address.host = authority.substr(0, port_at);
  if (authority.starts_with('[')) {
    if (port_at == 0) refuse(url, "a bracket is not closed");
    address.host = authority.substr(1, port_at - 2);
  }
  if (address.host.empty()) refuse(url, "it has no host");
  if (port_at < authority.size() && authority.substr(port_at) != ":")
    address.port = parse_port(authority.substr(port_at + 1), url);
  if (slash != rest.npos) address.path = rest.substr(slash);
  while (address.path.ends_with('/')) address.path.pop_back();
  return address;
}

}  // namespace opensandbox::detail
