// A program that prints as fast as it can: what a stream of output is measured with.
//   bench_printer BYTES LINE_BYTES
// prints that many bytes in lines of that length, line feed included; LINE_BYTES 0: one line without an end.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace {

constexpr size_t kWriteBytes = 64 * 1024;

// Whole lines, about kWriteBytes of them.
std::string block_of_lines(size_t line) {
  std::string text(line == 0 ? 1 : line, 'x');
  if (line > 0) text.back() = '\n';
  std::string block;
  while (block.size() < kWriteBytes) block += text;
  return block;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  size_t left = std::strtoull(arguments[1], nullptr, 10);
  std::string block = block_of_lines(std::strtoull(arguments[2], nullptr, 10));
  while (left > 0) {
    ssize_t n = ::write(1, block.data(), std::min(left, block.size()));
    if (n <= 0) return 1;
    left -= static_cast<size_t>(n);
    // A pipe takes all of it, so that each block begins with a line.
  }
}
