// Where a delimiter begins in input that arrives in pieces. At the speed of memory whatever the input is: a
// search for the delimiter's first byte alone is slow where the content is full of that byte.
#pragma once

#include <cstddef>
#include <string_view>

namespace osb::execd {

// The first place in `bytes` where `delimiter` (not empty) stands, or where it may begin: what is there up to
// the end of `bytes` is its beginning. bytes.size() if there is none.
size_t find_delimiter(std::string_view bytes, std::string_view delimiter);

}  // namespace osb::execd
