// What a program of the image prints, such as its version.
#pragma once

#include <chrono>
#include <string>

#include "execd/reaper.h"
#include "net/task.h"
#include "sys/child.h"

namespace osb::execd {

// Runs the program, which gets descriptor 1 as well, and waits for its end. Output beyond what a pipe holds
// (64 KiB) is lost. Throws Error: as start_child(), unavailable when it fails, timeout when it takes longer
// (it is ended then). `reaper` outlives the loop's work.
net::task<std::string> program_output(net::asio::any_io_executor executor, Reaper& reaper,
                                      sys::ChildSpec spec, std::chrono::milliseconds limit);

}  // namespace osb::execd
