// How far a transfer is, in one line at the bottom of the terminal that is gone when it is over. Silent where
// standard error is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace osb::cli {

class Progress {
 public:
  // `total` bytes; 0: not known.
  Progress(std::string what, uint64_t total, bool shown);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(uint64_t bytes);
  void name(const std::string& what);

 private:
  void draw();

  std::string what_;
  uint64_t total_, done_ = 0;
  bool shown_, drawn_ = false;
  std::chrono::steady_clock::time_point begun_, last_;
};

// "12 B", "3.4 MiB".
std::string byte_size(uint64_t bytes);
// "data.bin  42%  3.4 MiB of 8.1 MiB  1.2 MiB/s", at most `columns` wide.
std::string progress_line(const std::string& what, uint64_t done, uint64_t total, double seconds,
                          size_t columns);

}  // namespace osb::cli
