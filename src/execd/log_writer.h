// Writes the log on a thread of its own, so that a pipe nobody reads or a slow disk never holds up the loop.
// What waits is bounded; lines beyond that are dropped and counted in a line of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"

namespace osb::execd {

struct LogLimits {
  size_t waiting_bytes = 1024 * 1024;
  uint64_t file_bytes = 100 * 1024 * 1024;  // a file that is larger becomes NAME.1, that one NAME.2, …
  int kept_files = 10;
};

class LogWriter : public LogSink {
 public:
  // Each output is "stdout", "stderr" or the path of a file, which is appended to. Throws Error for a file
  // that cannot be opened.
  explicit LogWriter(const std::vector<std::string>& outputs, LogLimits limits = {});
  // Writes what waits, but does not wait for a reader for longer than a second.
  ~LogWriter() override;

  void write(std::string line) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace osb::execd
