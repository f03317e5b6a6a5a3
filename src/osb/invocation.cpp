#include "osb/invocation.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>

#include "osb/problem.h"

namespace osb::cli {

namespace {

// 0 when standard output is no terminal: what is piped on is never shortened.
size_t terminal_width() {
  winsize size{};
  if (!::isatty(STDOUT_FILENO)) return 0;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::vector<std::string> Invocation::options(std::string_view key) const {
  auto found = line_.options.find(key);
  return found == line_.options.end() ? std::vector<std::string>() : found->second;
}

std::string Invocation::required(std::string_view key) const {
  std::optional<std::string> value = option(key);
  if (!value) throw UsageProblem("--" + std::string(key) + " is missing", line_.path + " --help");
  return *value;
}

std::vector<std::pair<std::string, std::string>> Invocation::pairs(std::string_view key) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& text : options(key)) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageProblem("--" + std::string(key) + ": \"" + text + "\" is not of the form KEY=VALUE");
    out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::optional<int64_t> Invocation::number(std::string_view key, int64_t low, int64_t high) const {
  std::optional<std::string> text = option(key);
  if (!text) return std::nullopt;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < low || value > high)
    throw UsageProblem("--" + std::string(key) + ": expected a number from " + std::to_string(low) + " to " +
                       std::to_string(high) + ", not \"" + *text + "\"");
  return value;
}

std::string Invocation::argument(std::string_view name) const {
  std::vector<std::string> all = arguments(name);
  return all.empty() ? std::string() : all.front();
}

std::vector<std::string> Invocation::arguments(std::string_view name) const {
  auto found = line_.arguments.find(name);
  return found == line_.arguments.end() ? std::vector<std::string>() : found->second;
}

const Settings& Invocation::settings() {
  if (!settings_) settings_ = load_settings(setting_flags(line_), process_environment());
  return *settings_;
}

const Output& Invocation::output() {
  if (!output_) {
    std::string format = option("output").value_or(
        std::string(line_.command->outputs.substr(0, line_.command->outputs.find('|'))));
    output_.emplace(read_format(format), TableStyle{terminal_width(), color_on(STDOUT_FILENO)});
  }
  return *output_;
}

bool Invocation::color_on(int descriptor) {
  return ::isatty(descriptor) && !flag("no-color") && settings().color.value;
}

SettingFlags setting_flags(const CommandLine& line) {
  SettingFlags flags;
  flags.api_key = line.option("api-key");
  flags.domain = line.option("domain");
  flags.protocol = line.option("protocol");
  flags.request_timeout = line.option("request-timeout");
  flags.config = line.option("config");
  flags.no_color = line.has("no-color");
  if (line.has("use-server-proxy")) flags.use_server_proxy = true;
  if (line.has("no-use-server-proxy")) flags.use_server_proxy = false;
  return flags;
}

}  // namespace osb::cli
