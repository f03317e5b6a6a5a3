// How much a run may still print. What is beyond is left out, and said so once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace osb::execd {

// How many bytes of `text` there are before an incomplete UTF-8 character at its end.
size_t complete_utf8(std::string_view text);

class OutputAllowance {
 public:
  OutputAllowance() = default;  // as much as it likes
  // In bytes, of all that the run prints together; 0: as much as it likes.
  explicit OutputAllowance(uint64_t bytes) : bytes_(bytes) {}

  struct Passed {
    std::string_view text;  // a beginning of what was printed; it ends with a whole character
    bool first_cut;         // it is the first time that something is left out: tell with notice()
  };
  Passed take(std::string_view printed);
  std::string notice() const;

 private:
  uint64_t bytes_ = 0;
  uint64_t printed_ = 0;
};

}  // namespace osb::execd
