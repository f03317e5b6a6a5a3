// Go contexts: the worker of kernels/go, a program of its own that lies beside execd (it is too large to be
// part of it), and the Go toolchain of the image for complete programs. Without a toolchain everything is
// interpreted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "execd/code/process_launcher.h"

namespace osb::execd {

class GoLanguage : public ProcessLanguage {
 public:
  std::string name() const override { return "go"; }
  // Throws Error(unsupported) without a worker, and as chosen_go().
  net::task<WorkerProgram> program(std::vector<std::string> env) override;
};

// The directory with the workers that are programs: what OPENSANDBOX_KERNELS of `env` names, else `kernels`
// beside the running program.
std::string kernels_directory(const std::vector<std::string>& env);

}  // namespace osb::execd
