// The languages that contexts have workers of ours for.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "execd/code/contexts.h"

namespace osb::execd {

// By language. Those that the options want warm start to prepare their first context.
std::map<std::string, std::unique_ptr<KernelLauncher>> make_launchers(net::asio::any_io_executor executor,
                                                                      Reaper& reaper,
                                                                      const CodeContexts::Options& options);

}  // namespace osb::execd
