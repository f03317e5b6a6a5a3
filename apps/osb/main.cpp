// osb: the command line client of OpenSandbox.
#include <string>
#include <vector>

#include "osb/program.h"

int main(int argc, char** argv) {
  return osb::cli::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
