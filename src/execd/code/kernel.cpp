#include "execd/code/kernel.h"

#include "base/error.h"

namespace osb::execd {

net::task<std::vector<std::shared_ptr<Kernel>>> Kernel::copy(Reaper&, CopyRequest) {
  throw Error(ErrorCode::conflict, "copying a context: only contexts of python can be", kNotForkable);
}

net::task<std::shared_ptr<Kernel>> KernelLauncher::launch_with(std::string cwd, std::string after_death,
                                                               std::vector<std::string> preload) {
  if (!preload.empty())
    throw Error(ErrorCode::invalid, "preload: only contexts of python are made with modules");
  return launch(std::move(cwd), std::move(after_death));
}

}  // namespace osb::execd
