#include "execd/code/go_language.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "execd/code/go_toolchain.h"
#include "execd/environment.h"

namespace osb::execd {

std::string kernels_directory(const std::vector<std::string>& env) {
  Environment known = from_strings(env);
  if (auto found = known.find("OPENSANDBOX_KERNELS"); found != known.end()) return found->second;
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "kernels";
}

net::task<WorkerProgram> GoLanguage::program(std::vector<std::string> env) {
  WorkerProgram worker;
  worker.program = kernels_directory(env) + "/go-kernel";
  if (::access(worker.program.c_str(), X_OK) != 0)
    throw Error(ErrorCode::unsupported,
                "language go is not available: its worker " + worker.program +
                    " is missing or cannot be run (OPENSANDBOX_KERNELS names its directory)");
  worker.argv = {"go-kernel"};
  Environment known = from_strings(env);
  if (auto go = chosen_go(known, installed_go(known))) {
    worker.argv.push_back(go->program);
    worker.argv.push_back(go->version);
    std::string bin = std::filesystem::path(go->program).parent_path();
    std::string& path = known["PATH"];
    path = path.empty() ? bin : bin + ":" + path;  // `go` in programs that code starts
  }
  worker.env = to_strings(known);
  co_return worker;
}

}  // namespace osb::execd
