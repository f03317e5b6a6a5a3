#include "wire/text.h"

#include <stdio.h>
#include <time.h>

#include <random>

#include "http/message.h"

namespace opensandbox::detail {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return out;
}

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == text.npos; }

std::string segment(std::string_view text) { return osb::http::percent_encode(text); }

std::string query(const QueryPairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!value) continue;
    out += out.empty() ? '?' : '&';
    out += osb::http::percent_encode(name);
    out += '=';
    out += osb::http::percent_encode(*value, "/");
  }
  return out;
}

std::string metadata_filter(const std::map<std::string, std::string>& metadata) {
  std::string out;
  for (const auto& [name, value] : metadata) {
    if (!out.empty()) out += '&';
    out += osb::http::percent_encode(name) + "=" + osb::http::percent_encode(value);
  }
  return out;
}

std::optional<Time> parse_time(std::string_view text) {
  std::string copy(text);
  tm parts{};
  int used = 0;
  if (sscanf(copy.c_str(), "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
             &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6 ||
      used == 0)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  text.remove_prefix(static_cast<size_t>(used));
  int64_t nanoseconds = 0;
  if (text.starts_with('.')) {
    int64_t unit = 100'000'000;
    for (text.remove_prefix(1); !text.empty() && text[0] >= '0' && text[0] <= '9';
         text.remove_prefix(1), unit /= 10)
      nanoseconds += (text[0] - '0') * unit;
  }
  int hours = 0, minutes = 0;
  char sign = '+';
  if (!text.empty() && text != "Z" && text != "z" &&
      sscanf(std::string(text).c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3)
    return std::nullopt;
  int64_t offset = (hours * 60 + minutes) * 60;
  int64_t seconds = timegm(&parts) - (sign == '-' ? -offset : offset);
  return Time(std::chrono::duration_cast<Time::duration>(std::chrono::seconds(seconds) +
                                                         std::chrono::nanoseconds(nanoseconds)));
}

std::string format_time(Time time) {
  auto since = std::chrono::floor<Milliseconds>(time.time_since_epoch());
  auto seconds = std::chrono::floor<Seconds>(since);
  time_t whole = seconds.count();
  tm parts{};
  gmtime_r(&whole, &parts);
  char text[96];
  snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
           parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
           static_cast<int>((since - seconds).count()));
  return text;
}

std::string random_key() {
  std::random_device source;
  char text[33];
  for (int i = 0; i < 4; i++) snprintf(text + i * 8, 9, "%08x", source());
  return text;
}

const std::string& not_blank(const std::string& value, std::string_view what) {
  if (blank(value)) throw Error(ErrorCode::invalid_argument, std::string(what) + " must not be blank");
  return value;
}

}  // namespace opensandbox::detail
