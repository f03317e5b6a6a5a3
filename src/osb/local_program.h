// The program `opensandbox` of this machine: osb is a client and brings no server and no image store.
#pragma once

#include <string>
#include <vector>

namespace osb::cli {

// Beside osb itself, else found by PATH.
std::string local_program();

// Runs it with these words behind its name and our standard input; what it prints. A failure of its own is
// thrown as Problem("LOCAL", its message). Signals must not be blocked: Ctrl-C ends both.
std::string run_local_program(const std::vector<std::string>& words);

// Becomes it. Throws Problem.
[[noreturn]] void become_local_program(const std::vector<std::string>& words);

}  // namespace osb::cli
