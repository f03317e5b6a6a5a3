// The program but for main(): one command line in, one exit code out.
#pragma once

#include <string>
#include <vector>

namespace osb::cli {

// `words` without the program's name. Prints errors itself and never throws.
int run_program(const std::vector<std::string>& words);

// "0.1.0", of this build.
const char* program_version();

}  // namespace osb::cli
