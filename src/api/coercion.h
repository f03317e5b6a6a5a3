// Lenient reading of numbers and booleans from text, as clients and query strings write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::api {

std::string_view trim(std::string_view text);

// "3600", " +60 ", "60.0"; cut to the nearest end beyond 64 bits. nullopt for anything else.
std::optional<int64_t> integer_of(std::string_view text);
// true/1/yes/y/on/t and false/0/no/n/off/f, no regard to case.
std::optional<bool> flag_of(std::string_view text);

}  // namespace osb::api
