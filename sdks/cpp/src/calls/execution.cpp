#include <opensandbox/execution.h>

namespace opensandbox {
namespace {

std::string joined(const std::vector<Output>& parts) {
  std::string text;
  for (const Output& part : parts) text += part.text;
  return text;
}

void trim_line_ends(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
}

}  // namespace

std::string Execution::stdout_text() const { return joined(stdout_parts); }
std::string Execution::stderr_text() const { return joined(stderr_parts); }

std::string Execution::text() const {
  std::string text = stdout_text();
  trim_line_ends(text);
  for (const CodeResult& result : results) {
    if (result.text.empty()) continue;
    if (!text.empty()) text += '\n';
    text += result.text;
    trim_line_ends(text);
  }
  return text;
}

}  // namespace opensandbox
