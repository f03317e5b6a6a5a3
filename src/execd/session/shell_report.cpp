#include "execd/session/shell_report.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace osb::execd {
namespace {

// Texts behind the first word; nothing else begins a report.
size_t texts_of(std::string_view word) {
  if (word == "end") return 3;
  return word == "state" ? 1 : 0;
}

std::optional<ShellReport> parse(std::vector<std::string>& texts) {
  ShellReport report;
  if (texts[0] == "state") {
    report.kind = ShellReport::Kind::state;
    report.state = std::move(texts[1]);
    return report;
  }
  report.run = std::move(texts[1]);
  report.cwd = std::move(texts[3]);
  const std::string& status = texts[2];
  auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), report.exit_status);
  bool fits = error == std::errc() && end == status.data() + status.size() && report.exit_status >= 0 &&
              report.exit_status <= 255;
  return fits ? std::optional(std::move(report)) : std::nullopt;
}

}  // namespace

void ShellReportReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t end = std::min(bytes.find('\0'), bytes.size());
    if (text_.size() + end > kTextBytes) too_long_ = true;
    if (too_long_)
      text_.clear();
    else
      text_.append(bytes.substr(0, end));
    if (end == bytes.size()) return;
    end_text();
    bytes.remove_prefix(end + 1);
  }
}

void ShellReportReader::end_text() {
  texts_.push_back(std::exchange(text_, {}));
  bool bad = std::exchange(too_long_, false);
  size_t wanted = texts_of(texts_[0]);
  if (bad || wanted == 0) {
    texts_.clear();
  } else if (texts_.size() == wanted + 1) {
    if (auto report = parse(texts_)) ready_.push_back(std::move(*report));
    texts_.clear();
  }
}

std::optional<ShellReport> ShellReportReader::next() {
  if (taken_ == ready_.size()) {
    ready_.clear();
    taken_ = 0;
    return std::nullopt;
  }
  return std::move(ready_[taken_++]);
}

}  // namespace osb::execd
