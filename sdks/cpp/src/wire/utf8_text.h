// Text that may hold broken characters.
#pragma once

#include <string>
#include <string_view>

namespace opensandbox::detail {

// The text with U+FFFD in place of each byte that is not part of valid UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace opensandbox::detail
