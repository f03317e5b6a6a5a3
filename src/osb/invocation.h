// One run of one command: what was typed, and the things made from it when they are first needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "osb/command_line.h"
#include "osb/output.h"
#include "osb/settings.h"

namespace osb::cli {

class Invocation {
 public:
  explicit Invocation(CommandLine line) : line_(std::move(line)) {}

  const CommandLine& line() const { return line_; }
  bool flag(std::string_view key) const { return line_.has(key); }
  std::optional<std::string> option(std::string_view key) const { return line_.option(key); }
  // All values of a repeatable option.
  std::vector<std::string> options(std::string_view key) const;
  // Throws UsageProblem if the option is missing.
  std::string required(std::string_view key) const;
  // K=V pairs of a repeatable option, in order. Throws UsageProblem for one without "=" or with an empty key.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key) const;
  // A whole number from `low` to `high`. Throws UsageProblem.
  std::optional<int64_t> number(std::string_view key, int64_t low, int64_t high) const;
  // Empty if it was left out.
  std::string argument(std::string_view name) const;
  std::vector<std::string> arguments(std::string_view name) const;
  const std::vector<std::string>& rest() const { return line_.rest; }

  // Read from flags, environment and file at the first call. Throws as load_settings does.
  const Settings& settings();
  const Output& output();
  // Colours on the given stream (1 or 2): wanted, and a terminal.
  bool color_on(int descriptor);

 private:
  CommandLine line_;
  std::optional<Settings> settings_;
  std::optional<Output> output_;
};

SettingFlags setting_flags(const CommandLine& line);

}  // namespace osb::cli
