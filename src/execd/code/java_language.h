// Java contexts: a JVM each, with the worker of kernels/java.
#pragma once

#include "execd/code/process_launcher.h"

namespace osb::execd {

extern const std::string_view kJavaWorker;  // the bytes of the worker's jar

class JavaLanguage : public ProcessLanguage {
 public:
  std::string name() const override { return "java"; }
  // Looks at the image each time: a JDK may be installed while the sandbox runs.
  net::task<WorkerProgram> program(std::vector<std::string> env) override;
};

}  // namespace osb::execd
