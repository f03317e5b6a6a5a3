// Wall-clock times on the wire: RFC 3339 out, lenient in. Everything inside is a TimePoint in UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

TimePoint now();
int64_t unix_ms(TimePoint t);
TimePoint from_unix_us(int64_t us);
int64_t unix_us(TimePoint t);

// Lifecycle API form: UTC with `Z`; exactly six fraction digits, none when they are all zero.
std::string rfc3339_micros(TimePoint t);
// Execution API form: UTC with `Z`, up to nine fraction digits, trailing zeros trimmed.
std::string rfc3339_nanos(TimePoint t);

// Reads what released clients and people send: RFC 3339 with `Z`, an offset, or neither (UTC); `T` or a space
// between date and time; a date alone; Unix seconds or milliseconds as digits. More than nine fraction digits
// are cut. nullopt when it is none of these or outside the years 1678..2261.
std::optional<TimePoint> parse_time(std::string_view text);

}  // namespace osb
