#include "execd/files/download_conditions.h"

#include <stdio.h>
#include <time.h>

#include "base/trim.h"

namespace osb::execd {

namespace {

std::optional<std::string> find(const http::Headers& headers, std::string_view name) {
  auto value = headers.find(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

// Is `etag` in the list, or the list "*"? A weak tag is equal to the strong one only where `weak_counts`.
bool lists(std::string_view list, std::string_view etag, bool weak_counts) {
  while (!list.empty()) {
    list = list.substr(std::min(list.find_first_not_of(", \t"), list.size()));
    if (list.starts_with('*')) return true;
    bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    if (list.substr(0, end + 1) == etag && (weak_counts || !weak)) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

std::string http_date(time_t time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  tm parts{};
  if (!::gmtime_r(&time, &parts)) return {};
  char text[64];
  snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday], parts.tm_mday,
           kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

std::optional<time_t> read_http_date(std::string_view text) {
  const std::string given(trim(text));
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    tm parts{};
    const char* end = ::strptime(given.c_str(), form, &parts);
    if (end && end == given.c_str() + given.size()) return ::timegm(&parts);
  }
  return std::nullopt;
}

DownloadConditions::DownloadConditions(const http::Headers& headers)
    : match_(find(headers, "If-Match")),
      none_match_(find(headers, "If-None-Match")),
      modified_since_(find(headers, "If-Modified-Since")),
      unmodified_since_(find(headers, "If-Unmodified-Since")),
      range_(find(headers, "If-Range")) {}

DownloadConditions::Verdict DownloadConditions::judge(const Version& now) const {
  if (match_) {
    if (!lists(*match_, now.etag, false)) return Verdict::failed;
  } else if (unmodified_since_) {
    auto since = read_http_date(*unmodified_since_);
    if (since && now.modified > *since) return Verdict::failed;
  }
  if (none_match_) return lists(*none_match_, now.etag, true) ? Verdict::not_modified : Verdict::serve;
  if (modified_since_) {
    auto since = read_http_date(*modified_since_);
    if (since && now.modified <= *since) return Verdict::not_modified;
  }
  return Verdict::serve;
}

bool DownloadConditions::range_counts(const Version& now) const {
  if (!range_) return true;
  std::string_view value = trim(*range_);
  if (value.starts_with('"')) return value == now.etag;
  auto date = read_http_date(value);
  return date && *date == now.modified;
}

}  // namespace osb::execd
