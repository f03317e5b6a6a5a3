// Small pieces of text: paths and queries, times, random names.
#pragma once

#include <opensandbox/connection.h>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace opensandbox::detail {

std::string lower(std::string_view text);
bool blank(std::string_view text);

// One part of a path, everything encoded that could end it.
std::string segment(std::string_view text);
// `?a=b&c=d`, or nothing; entries without a value are left out. Slashes stay.
using QueryPairs = std::vector<std::pair<std::string_view, std::optional<std::string>>>;
std::string query(const QueryPairs& pairs);
// `k=v&k2=v2` with each part encoded: one level below the query value that it becomes.
std::string metadata_filter(const std::map<std::string, std::string>& metadata);

// RFC 3339, UTC where no offset is given; nullopt for anything else.
std::optional<Time> parse_time(std::string_view text);
// In UTC with a final Z and milliseconds.
std::string format_time(Time time);

// 128 random bits in hexadecimal.
std::string random_key();

// Throws Error(invalid_argument) "<what> must not be blank".
const std::string& not_blank(const std::string& value, std::string_view what);

}  // namespace opensandbox::detail
