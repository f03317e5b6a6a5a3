// Replaces every occurrence of one text by another in a stream of bytes, left to right, without overlaps.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace osb::execd {

class TextReplacement {
 public:
  using Output = std::function<void(std::string_view)>;

  // `from` must not be empty.
  TextReplacement(std::string from, std::string to, Output output)
      : from_(std::move(from)), to_(std::move(to)), output_(std::move(output)) {}

  void feed(std::string_view bytes);
  // The input has ended: gives out what was held back.
  void finish();
  uint64_t count() const { return count_; }

 private:
  void emit(std::string_view bytes) {
    if (!bytes.empty()) output_(bytes);
  }

  std::string from_;
  std::string to_;
  Output output_;
  std::string held_;  // end of the input that may begin an occurrence: shorter than from_
  uint64_t count_ = 0;
};

// The same in the regular file at the absolute path: staged and put in place at once, with mode and owner as
// they were; not touched when nothing is found. Returns the number of occurrences. Throws Error.
uint64_t replace_in_file(const std::string& path, const std::string& from, const std::string& to);

}  // namespace osb::execd
