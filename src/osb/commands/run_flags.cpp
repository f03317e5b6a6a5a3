#include "osb/commands/run_flags.h"

#include "osb/duration_words.h"
#include "osb/problem.h"
#include "osb/remote_run.h"

namespace osb::cli {

opensandbox::RunOptions run_options(Invocation& run) {
  opensandbox::RunOptions options;
  options.working_directory = run.option("workdir").value_or("");
  if (auto text = run.option("timeout")) options.timeout = read_duration("--timeout", *text);
  for (const auto& [key, value] : run.pairs("env")) options.env[key] = value;
  if (auto uid = run.number("uid", 0, UINT32_MAX - 1)) options.uid = static_cast<uint32_t>(*uid);
  if (auto gid = run.number("gid", 0, UINT32_MAX - 1)) options.gid = static_cast<uint32_t>(*gid);
  if (options.gid && !options.uid) throw UsageProblem("--gid needs --uid");
  return options;
}

std::string session_line(const std::vector<std::string>& words) {
  return words.size() == 1 ? words.front() : shell_line(words);
}

int run_line_in(const opensandbox::Commands& commands, const std::string& line,
                const opensandbox::RunOptions& options) {
  return follow([&](const opensandbox::Handlers& handlers,
                    std::stop_token stop) { return commands.run(line, options, handlers, stop); },
                [&](const std::string& id) { commands.interrupt(id); });
}

int run_program_in(const opensandbox::Commands& commands, const std::vector<std::string>& words,
                   const opensandbox::RunOptions& options) {
  return follow([&](const opensandbox::Handlers& handlers,
                    std::stop_token stop) { return commands.run(words, options, handlers, stop); },
                [&](const std::string& id) { commands.interrupt(id); });
}

}  // namespace osb::cli
