// Where requests go: scheme, host, port, and the path in front of every request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace opensandbox::detail {

struct Address {
  bool secure = false;
  std::string host;  // without the brackets of IPv6
  uint16_t port = 0;
  std::string path;  // without a slash at its end

  // host[:port] as in the header Host.
  std::string authority() const;
  std::string url() const;
};

// "http://host:port/path" and the like; user names, queries and fragments are dropped. Throws
// Error(invalid_argument).
Address parse_address(std::string_view url);

}  // namespace opensandbox::detail
