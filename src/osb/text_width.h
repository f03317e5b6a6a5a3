// How much room a text takes on a terminal, and texts that are safe to put there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb::cli {

// Columns of valid UTF-8 without control characters: wide East Asian characters and emoji take two, combining
// marks none. What is not UTF-8 counts one per byte.
size_t text_width(std::string_view text);
// At most `columns` wide; what was cut off is shown by a last "…".
std::string shorten(std::string_view text, size_t columns);
std::string pad(std::string_view text, size_t columns);
// Control characters as \n, \t, \x1b …, so that nobody's data moves the cursor or changes colours.
std::string visible(std::string_view text);

}  // namespace osb::cli
