// JSON strings that survive every released client. Text may hold any bytes: invalid UTF-8 becomes U+FFFD, one
// per bad byte. Besides what JSON demands, U+007F..U+009F, U+2028 and U+2029 are escaped, and so are < > &:
// the Python clients split streams with str.splitlines(), which cuts at VT, FF, FS..RS, NEL (U+0085), LS and
// PS.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb {

// Appends `text` as a quoted JSON string.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

// The same into memory of the caller's, which has room for json_string_room(text) bytes; returns the end of
// what was written. The room is an upper bound, close to the truth for long texts without many escapes.
char* write_json_string(char* out, std::string_view text);
size_t json_string_room(std::string_view text);

}  // namespace osb
