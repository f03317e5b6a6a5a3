// A sandbox as the lifecycle API shows it. Absent members are left out, never null: generated clients crash
// on null.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/labels.h"
#include "base/clock.h"

namespace osb::api {

struct Platform {
  std::string os;
  std::string arch;
};

// On the wire: Pending, Running, Paused, Stopping, Terminated, Failed.
enum class SandboxState { pending, running, paused, stopping, terminated, failed };
std::string_view to_string(SandboxState state);
// nullopt for a text that is not one of the above, no regard to case.
std::optional<SandboxState> parse_state(std::string_view text);

struct SandboxStatus {
  SandboxState state = SandboxState::pending;
  std::string reason;   // "CONTAINER_RUNNING"; empty: left out
  std::string message;  // for people
  TimePoint last_transition_at;
};

struct Sandbox {
  std::string id;
  std::string image;  // as requested
  std::optional<Platform> platform;
  SandboxStatus status;
  Labels metadata;
  std::map<std::string, std::string> extensions;  // those that are shown
  std::vector<std::string> entrypoint;
  std::optional<TimePoint> expires_at;  // absent: lives until it is deleted
  TimePoint created_at;
};

// Answer of GET /sandboxes/{id}, and an item of a list.
std::string sandbox_json(const Sandbox& sandbox);
// Answer of POST /sandboxes: without the image, other order.
std::string created_json(const Sandbox& sandbox);

struct Page {
  int64_t page = 1;
  int64_t page_size = 20;
  int64_t total = 0;
};
// {"page","pageSize","totalItems","totalPages","hasNextPage"}
std::string pagination_json(const Page& page);

}  // namespace osb::api
