// A line being typed, and the lines before it. Takes keys and says how the line looks; no terminal in here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::cli {

class EditedLine {
 public:
  enum class Event { none, accepted, interrupted, ended };

  explicit EditedLine(std::vector<std::string> history = {}) : history_(std::move(history)) {}

  // Takes the first key off `input` (bytes of a terminal: UTF-8, control characters, escape sequences).
  // `none` with `input` as it was: the key is not complete yet.
  Event take(std::string_view& input);

  const std::string& text() const { return text_; }
  // Byte offset of the cursor in text().
  size_t cursor() const { return cursor_; }
  // Begins a new line; remembers a line that is neither empty nor the one before.
  void next(const std::string& remembered);
  const std::vector<std::string>& history() const { return history_; }

 private:
  void insert(std::string_view text);
  void left();
  void right();
  void erase_before();
  void erase_word();
  void recall(size_t index);
  void sequence(char last, std::string_view parameters);

  std::vector<std::string> history_;
  size_t at_ = std::string::npos;  // in the history; npos: the line being typed
  std::string typed_;              // what was typed before looking into the history
  std::string text_;
  size_t cursor_ = 0;
};

}  // namespace osb::cli
