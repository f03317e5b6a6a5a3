// What a watch reports.
#pragma once

#include <string>
#include <string_view>

namespace osb::execd {

struct Change {
  enum class Kind {
    created,     // made, or moved here from where the watch does not look
    modified,    // content
    attributes,  // mode, owner, times, links
    deleted,     // removed, or moved to where the watch does not look
    moved,       // `path` is now `to`
    overflow,    // something may be missing: see `reason`
  };
  Kind kind;
  std::string path;  // absolute
  std::string to;
  bool directory = false;
  std::string_view reason;  // "queue": events were lost; "watches": not every directory is watched
};

// The event: {"type":"created","path":…,"directory":false,"timestamp":…}; "moved" has "from" and "to" in
// place of the path, "overflow" has "path" and "reason".
std::string change_event(const Change& change);

}  // namespace osb::execd
