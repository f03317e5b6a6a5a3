// What a session's shell tells about itself, as bytes from its report descriptor. Texts that end with NUL:
//   end  <run>  <exit status>  <working directory>
//   state  <text that sets everything again>
// The shell runs what nobody has read, so this may be anything: unknown words are skipped, texts are bounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

struct ShellReport {
  enum class Kind { end, state };
  Kind kind = Kind::end;
  std::string run;
  int exit_status = 0;
  std::string cwd;
  std::string state;
  bool operator==(const ShellReport&) const = default;
};

class ShellReportReader {
 public:
  static constexpr size_t kTextBytes = 4 * 1024 * 1024;

  // Keeps what is no whole report yet. A text that is too long is dropped with its report.
  void feed(std::string_view bytes);
  // The reports so far, in order.
  std::optional<ShellReport> next();

 private:
  void end_text();

  std::string text_;
  bool too_long_ = false;
  std::vector<std::string> texts_;
  std::vector<ShellReport> ready_;
  size_t taken_ = 0;
};

}  // namespace osb::execd
