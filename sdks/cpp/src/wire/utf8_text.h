// Text that may hold broken characters.
#pragma once

#include <string>
#include <string_view>

namespace opensandbox::detail {

// The text with U+FFFD in place of what is not UTF-8: one for each beginning of a character that is not gone
// on with, one for each other byte, as browsers and Python do it.
std::string valid_utf8(std::string_view text);
// JSON with U+FFFD in place of each escape of a surrogate that is no half of a pair.
std::string without_lone_surrogates(std::string_view json);

}  // namespace opensandbox::detail
