// Text without the blanks around it.
#pragma once

#include <string_view>

namespace osb {

inline std::string_view trim(std::string_view text, std::string_view blanks = " \t") {
  size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace osb
