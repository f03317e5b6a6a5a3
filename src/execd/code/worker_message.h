// The messages of workers as values. kernels/README.md describes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "base/json.h"

namespace osb::execd {

// One struct for all types: members that a type does not have keep their defaults.
struct WorkerMessage {
  std::string
      type;  // hello, forked, fork_failed, exited; ready, fatal, execute_input, display_data, error, …
  std::string context;
  std::string message;
  std::string version;
  int64_t pid = 0;
  int64_t wait_status = 0;
  int64_t run = 0;
  int64_t display = 0;  // to be acknowledged, if not 0
  int64_t execution_count = 0;
  std::map<std::string, std::string> data;  // MIME type → text
  json::Value metadata;                     // of the data, an object or null
  std::string display_id;                   // what is shown can be replaced under this name
  bool wait = false;                        // clear_output: when something new comes
  std::vector<int64_t> pids;
  std::string ename;
  std::string evalue;
  std::vector<std::string> traceback;
  bool holds = false;    // with `ready`: interrupts_off is sent when SIGINT must not come any more
  int64_t wakes_on = 0;  // with `ready`: a signal that wakes it when it has SIGINT but waits all the same
};
BOOST_DESCRIBE_STRUCT(WorkerMessage, (),
                      (type, context, message, version, pid, wait_status, run, display, execution_count, data,
                       metadata, display_id, wait, pids, ename, evalue, traceback, holds, wakes_on))

// Throws Error(invalid).
WorkerMessage parse_worker_message(std::string_view text);

std::string fork_request(std::string_view context, std::string_view cwd);
std::string copy_request(size_t count, bool fresh);
std::string copy_into();
std::string execute_request(int64_t run, std::string_view code);
// `signalled`: SIGINT was sent before the message that this answers was known.
std::string display_ack(int64_t display, bool signalled = false);
std::string interrupt_request(int64_t run);

}  // namespace osb::execd
