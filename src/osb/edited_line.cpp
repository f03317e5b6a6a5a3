#include "osb/edited_line.h"

#include <algorithm>
#include <utility>

namespace osb::cli {

namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

size_t character_bytes(unsigned char lead) { return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4; }

constexpr size_t kMaxHistory = 1000;

}  // namespace

void EditedLine::insert(std::string_view text) {
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void EditedLine::left() {
  if (cursor_ == 0) return;
  do --cursor_;
  while (cursor_ > 0 && continues(text_[cursor_]));
}

void EditedLine::right() {
  if (cursor_ == text_.size()) return;
  do ++cursor_;
  while (cursor_ < text_.size() && continues(text_[cursor_]));
}

void EditedLine::erase_before() {
  size_t end = cursor_;
  left();
  text_.erase(cursor_, end - cursor_);
}

void EditedLine::erase_word() {
  size_t end = cursor_;
  while (cursor_ > 0 && text_[cursor_ - 1] == ' ') --cursor_;
  while (cursor_ > 0 && text_[cursor_ - 1] != ' ') --cursor_;
  text_.erase(cursor_, end - cursor_);
}

void EditedLine::recall(size_t index) {
  if (at_ == std::string::npos) typed_ = text_;
  at_ = index;
  text_ = at_ == std::string::npos ? typed_ : history_[at_];
  cursor_ = text_.size();
}

void EditedLine::sequence(char last, std::string_view parameters) {
  if (last == 'A') {
    size_t from = at_ == std::string::npos ? history_.size() : at_;
    if (from > 0) recall(from - 1);
  } else if (last == 'B' && at_ != std::string::npos) {
    recall(at_ + 1 < history_.size() ? at_ + 1 : std::string::npos);
  } else if (last == 'C') {
    right();
  } else if (last == 'D') {
    left();
  } else if (last == 'H' || (last == '~' && (parameters == "1" || parameters == "7"))) {
    cursor_ = 0;
  } else if (last == 'F' || (last == '~' && (parameters == "4" || parameters == "8"))) {
    cursor_ = text_.size();
  } else if (last == '~' && parameters == "3" && cursor_ < text_.size()) {
    right();
    erase_before();
  }
}

EditedLine::Event EditedLine::take(std::string_view& input) {
  if (input.empty()) return Event::none;
  auto first = static_cast<unsigned char>(input[0]);
  if (first == 0x1b) {
    if (input.size() < 2) return Event::none;
    if (input[1] != '[' && input[1] != 'O') {
      input.remove_prefix(2);
      return Event::none;
    }
    size_t end = 2;
    while (end < input.size() && !(input[end] >= 0x40 && input[end] <= 0x7e)) ++end;
    if (end == input.size()) return Event::none;
    sequence(input[end], input.substr(2, end - 2));
    input.remove_prefix(end + 1);
    return Event::none;
  }
  if (first >= 0x20 && first != 0x7f) {
    size_t bytes = character_bytes(first);
    if (bytes > input.size()) return Event::none;
    insert(input.substr(0, bytes));
    input.remove_prefix(bytes);
    return Event::none;
  }
  input.remove_prefix(1);
  switch (first) {
    case '\r':
    case '\n':
      return Event::accepted;
    case 3:
      return Event::interrupted;
    case 4:
      if (text_.empty()) return Event::ended;
      if (cursor_ < text_.size()) {
        right();
        erase_before();
      }
      break;
    case '\t':
      insert("    ");
      break;
    case 1:
      cursor_ = 0;
      break;
    case 5:
      cursor_ = text_.size();
      break;
    case 2:
      left();
      break;
    case 6:
      right();
      break;
    case 8:
    case 0x7f:
      erase_before();
      break;
    case 11:
      text_.erase(cursor_);
      break;
    case 21:
      text_.erase(0, std::exchange(cursor_, 0));
      break;
    case 23:
      erase_word();
      break;
    case 16:
      sequence('A', "");
      break;
    case 14:
      sequence('B', "");
      break;
    default:
      break;
  }
  return Event::none;
}

void EditedLine::next(const std::string& remembered) {
  if (!remembered.empty() && (history_.empty() || history_.back() != remembered))
    history_.push_back(remembered);
  if (history_.size() > kMaxHistory) history_.erase(history_.begin());
  at_ = std::string::npos;
  text_.clear();
  cursor_ = 0;
}

}  // namespace osb::cli
