#include <opensandbox/execution.h>

#include <string_view>

namespace opensandbox {
namespace {

std::string joined(const std::vector<Output>& parts) {
  std::string text;
  for (const Output& part : parts) text += part.text;
  return text;
}

bool is_end(char c) { return c == '\n' || c == '\r'; }

// Daemons that do not number their events may leave out the ends of lines.
std::string joined_lines(const std::vector<Output>& parts) {
  std::string text;
  for (const Output& part : parts) {
    if (part.text.empty()) continue;
    if (!text.empty() && !is_end(text.back()) && !is_end(part.text.front())) text += '\n';
    text += part.text;
  }
  return text;
}

// With LF as the only line end, and none behind the last line.
std::string tidy(std::string_view text) {
  while (!text.empty() && is_end(text.back())) text.remove_suffix(1);
  std::string out;
  for (size_t at = 0; at < text.size(); at++)
    if (text[at] != '\n' || at == 0 || text[at - 1] != '\r') out += text[at] == '\r' ? '\n' : text[at];
  return out;
}

}  // namespace

std::string Execution::stdout_text() const { return joined(stdout_parts); }
std::string Execution::stderr_text() const { return joined(stderr_parts); }

std::string Execution::text() const {
  std::string text = tidy(last_event ? stdout_text() : joined_lines(stdout_parts));
  for (const CodeResult& result : results) {
    std::string shown = tidy(result.text);
    if (!text.empty() && !shown.empty()) text += '\n';
    text += shown;
  }
  return text;
}

}  // namespace opensandbox
