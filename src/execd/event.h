// The events of an execution stream, as JSON text (facts: type always, timestamp in Unix ms always, fields
// that are empty left out, key order fixed). One function per type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace osb::execd {

// `id`: what clients of that kind of execution expect there; `execution_id`: unique per run.
std::string init_event(std::string_view id, std::string_view execution_id);
std::string ping_event();
// `partial`: the line goes on in the next event.
std::string stdout_event(std::string_view text, bool partial = false);
std::string stderr_event(std::string_view text, bool partial = false);
// The same in the parts that Journal::append_text() takes, for output of one moment.
enum class OutputKind { out, err };
std::string_view output_head(OutputKind kind);
std::string output_tail(TimePoint time);
inline constexpr std::string_view kPartialMember = R"(,"partial":true)";
std::string status_event(std::string_view text);
// `results`: MIME type → text. "text/plain" is also sent under the key "text", which Python and Kotlin
// clients read.
std::string result_event(const std::vector<std::pair<std::string, std::string>>& results);
// What else is known of a result. `metadata`: a JSON object, or empty. An update replaces what was shown
// under `display_id`.
struct ResultDetails {
  std::string metadata;
  std::string display_id;
  bool update = false;
};
std::string result_event(const std::vector<std::pair<std::string, std::string>>& results,
                         const ResultDetails& details);
// Everything that was shown goes; with `wait` when something new comes.
std::string clear_output_event(bool wait);
std::string execution_count_event(int64_t count);
std::string error_event(std::string_view ename, std::string_view evalue,
                        const std::vector<std::string>& traceback);
// execution_time is left out when it is 0.
bool is_error_event(std::string_view event);
std::string execution_complete_event(int64_t execution_time_ms);
// In place of `dropped` events that are no longer kept; `eid` is that of the last of them.
std::string gap_event(int64_t dropped, int64_t eid);

}  // namespace osb::execd
