// Conditions of a download (RFC 9110 §13): may what the client has be kept, is what it wants to go on with
// still the same?
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace osb::execd {

// "Sat, 21 Nov 2026 11:12:26 GMT"
std::string http_date(time_t time);
// That form, or one of the two older ones of RFC 9110 §5.6.7; nullopt for anything else.
std::optional<time_t> read_http_date(std::string_view text);

// What tells one version of a file from another.
struct Version {
  std::string etag;  // quoted
  time_t modified = 0;
};

// The headers of a request that set conditions. One whose date or tag cannot be read sets none, but for
// If-Range and If-Match, which are then not met.
class DownloadConditions {
 public:
  enum class Verdict {
    serve,
    not_modified,  // 304
    failed,        // 412
  };

  DownloadConditions() = default;
  explicit DownloadConditions(const http::Headers& headers);

  // In the order that the RFC gives: a tag counts more than a date.
  Verdict judge(const Version& now) const;
  // May a Range be served? False if If-Range names another version: then the whole file is meant.
  bool range_counts(const Version& now) const;

 private:
  std::optional<std::string> match_, none_match_, modified_since_, unmodified_since_, range_;
};

}  // namespace osb::execd
