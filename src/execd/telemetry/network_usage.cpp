#include "execd/telemetry/network_usage.h"

#include <fcntl.h>

#include <charconv>

#include "sys/text_file.h"

namespace osb::execd {
namespace {

constexpr std::string_view kEstablished = "01";

std::string_view next_line(std::string_view& text) {
  size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  size_t end = std::min(line.find(' '), line.size());
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

int64_t number_of(std::string_view word) {
  int64_t value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

int64_t sockets(const char* path, std::string_view state) {
  auto text = sys::try_read_text(AT_FDCWD, path);
  return text ? count_sockets(*text, state) : 0;
}

}  // namespace

Traffic parse_traffic(std::string_view text) {
  Traffic out;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // the two lines of headings
    std::string_view name = line.substr(0, colon), rest = line.substr(colon + 1);
    if (next_word(name) == "lo") continue;
    for (int field = 0; field < 16 && !rest.empty(); ++field) {  // bytes received first, bytes sent ninth
      int64_t value = number_of(next_word(rest));
      if (field == 0) out.in_bytes += value;
      if (field == 8) out.out_bytes += value;
    }
  }
  return out;
}

int64_t count_sockets(std::string_view text, std::string_view state) {
  int64_t count = 0;
  next_line(text);
  while (!text.empty()) {
    std::string_view line = next_line(text);
    next_word(line);  // number, local and remote address
    next_word(line);
    next_word(line);
    std::string_view found = next_word(line);
    if (!found.empty() && (state.empty() || found == state)) ++count;
  }
  return count;
}

NetworkUsage read_network_usage() {
  NetworkUsage out;
  if (auto text = sys::try_read_text(AT_FDCWD, "/proc/net/dev")) out.traffic = parse_traffic(*text);
  out.tcp = sockets("/proc/net/tcp", kEstablished) + sockets("/proc/net/tcp6", kEstablished);
  out.udp = sockets("/proc/net/udp", {}) + sockets("/proc/net/udp6", {});
  return out;
}

}  // namespace osb::execd
