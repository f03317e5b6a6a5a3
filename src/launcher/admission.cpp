#include "launcher/admission.h"

#include <fcntl.h>

#include <string>

#include "base/error.h"
#include "sys/text_file.h"

namespace osb::launcher {

namespace {
std::string mib(int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }
}  // namespace

std::optional<int64_t> available_memory(std::string_view meminfo) {
  auto kilobytes = sys::keyed_number(meminfo, "MemAvailable");
  return kilobytes ? std::optional(*kilobytes * 1024) : std::nullopt;
}

std::optional<int64_t> available_memory() {
  return available_memory(sys::try_read_text(AT_FDCWD, "/proc/meminfo", 16 * 1024).value_or(""));
}

void admit(const MemoryState& state, int64_t max_in_use) {
  if (state.available && *state.available < kMinAvailable)
    throw Error(ErrorCode::exhausted, "admitting a sandbox: " + mib(*state.available) +
                                          " of memory are available on this machine, " + mib(kMinAvailable) +
                                          " are needed");
  if (max_in_use > 0 && state.in_use && *state.in_use >= max_in_use)
    throw Error(ErrorCode::exhausted, "admitting a sandbox: sandboxes use " + mib(*state.in_use) +
                                          " of memory, " + mib(max_in_use) + " are allowed");
}

}  // namespace osb::launcher
