// What all commands that run something in a sandbox have in common.
#pragma once

#include <opensandbox/commands.h>

#include <algorithm>
#include <array>

#include "osb/invocation.h"

namespace osb::cli {

inline constexpr Option kRunFlags[] = {
    {"-w,--workdir", "DIR", "Where it runs"},
    {"-t,--timeout", "DURATION", "It is killed after that time"},
    {"-e,--env", "KEY=VALUE", "Environment variable", true},
    {"--uid", "N", "Run it as that user"},
    {"--gid", "N", "With that group; needs --uid"},
};

template <size_t N>
constexpr auto with_run_flags(const Option (&own)[N]) {
  std::array<Option, N + std::size(kRunFlags)> all{};
  std::copy(std::begin(own), std::end(own), all.begin());
  std::copy(std::begin(kRunFlags), std::end(kRunFlags), all.begin() + N);
  return all;
}

// Throws UsageProblem.
opensandbox::RunOptions run_options(Invocation& run);

// What a shell is given for the words of `exec` and `session run`: a single word is a line for it, several
// are quoted so that they stay what they are.
std::string session_line(const std::vector<std::string>& words);

// Follow a command to its end; see follow().
int run_line_in(const opensandbox::Commands& commands, const std::string& line,
                const opensandbox::RunOptions& options);
int run_program_in(const opensandbox::Commands& commands, const std::vector<std::string>& words,
                   const opensandbox::RunOptions& options);

}  // namespace osb::cli
