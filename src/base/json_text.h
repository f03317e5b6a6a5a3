// JSON strings that survive every released client. Text may hold any bytes: invalid UTF-8 becomes U+FFFD, one
// per bad byte. Besides what JSON demands, U+007F..U+009F, U+2028 and U+2029 are escaped, and so are < > &:
// the Python clients split streams with str.splitlines(), which cuts at VT, FF, FS..RS, NEL (U+0085), LS and
// PS.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// Appends `text` as a quoted JSON string.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace osb
