// A delimiter holds its only CR at its start. So after a mismatch the search goes on at the byte that did not
// match: no table is needed, and a delimiter cut anywhere is remembered by the number of its bytes already
// seen.
#include "execd/files/multipart_parser.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/trim.h"
#include "execd/files/delimiter_search.h"

namespace osb::execd {

namespace {

constexpr size_t kMaxBoundary = 200;
constexpr size_t kMaxPadding = 64;  // blanks between a boundary and its line end

[[noreturn]] void refuse_multipart(std::string_view what) {
  throw Error(ErrorCode::invalid, "reading the multipart form: " + std::string(what), "INVALID_FILE");
}

bool equals(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The next "; name=value" of a header value; false at the end. Values may be quoted with \ escapes.
bool next_parameter(std::string_view& rest, std::string_view& name, std::string& value) {
  size_t semicolon = rest.find(';');
  if (semicolon == std::string_view::npos) return false;
  rest = rest.substr(semicolon + 1);
  size_t sign = std::min(rest.find_first_of("=;"), rest.size());
  value.clear();
  name = trim(rest.substr(0, sign));
  rest.remove_prefix(sign);
  if (!rest.starts_with('=')) return true;
  rest.remove_prefix(1);
  size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
  rest.remove_prefix(begin);
  if (!rest.starts_with('"')) {
    size_t end = std::min(rest.find(';'), rest.size());
    value = trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return true;
  }
  size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    // Only a quote or a backslash is escaped: some clients send Windows paths with single backslashes.
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    value += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return true;
}

// form-data; name="…"; filename="…". False if it is something else or has no name.
bool read_disposition(std::string_view rest, MultipartParser::Part& part) {
  if (!equals(trim(rest.substr(0, rest.find(';'))), "form-data")) return false;
  bool named = false;
  std::string_view name;
  for (std::string value; next_parameter(rest, name, value);) {
    if (equals(name, "name")) {
      part.name = value;
      named = true;
    }
    if (equals(name, "filename")) part.filename = value;
  }
  return named;
}

bool read_length(std::string_view text, MultipartParser::Part& part) {
  text = trim(text);
  uint64_t length = 0;
  auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (err != std::errc() || end != text.data() + text.size()) return false;
  part.length = length;
  return true;
}

std::optional<MultipartParser::Part> read_headers(std::string_view text) {
  MultipartParser::Part part;
  bool named = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(std::min(line.size() + 2, text.size()));
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view name = trim(line.substr(0, colon)), value = line.substr(colon + 1);
    if (equals(name, "Content-Length") && !read_length(value, part)) return std::nullopt;
    if (!equals(name, "Content-Disposition")) continue;
    named = read_disposition(value, part);
    if (!named) return std::nullopt;
  }
  if (!named) return std::nullopt;
  return part;
}

}  // namespace

std::optional<std::string> MultipartParser::boundary_of(std::string_view content_type) {
  std::string_view kind = trim(content_type.substr(0, content_type.find(';')));
  if (!equals(kind, "multipart/form-data")) return std::nullopt;
  std::string_view name;
  for (std::string value; next_parameter(content_type, name, value);) {
    if (!equals(name, "boundary")) continue;
    if (value.empty() || value.size() > kMaxBoundary || value.find_first_of("\r\n") != std::string::npos)
      return std::nullopt;
    return value;
  }
  return std::nullopt;
}

MultipartParser::MultipartParser(std::string_view boundary, Events& events)
    : events_(events), delimiter_("\r\n--" + std::string(boundary)) {
  expect_delimiter();
}

// At the very start, and behind the headers of a part, the boundary may follow without a line end of its own:
// the input is read as if one stood there.
void MultipartParser::expect_delimiter() { matched_ = virtual_ = 2; }

void MultipartParser::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::end) {
    size_t used = 0;
    switch (state_) {
      case State::preamble:
      case State::data:
        used = feed_data(bytes);
        break;
      case State::behind_boundary:
        used = feed_behind_boundary(bytes);
        break;
      case State::headers:
        used = feed_headers(bytes);
        break;
      case State::end:
        break;
    }
    bytes.remove_prefix(used);
  }
}

void MultipartParser::emit(std::string_view bytes) {
  if (bytes.empty()) return;
  if (in_part_) return events_.on_data(bytes);
  preamble_ += bytes.size();
  if (preamble_ > kMaxPreamble) refuse_multipart("no boundary in its first 64 KiB");
}

size_t MultipartParser::feed_data(std::string_view bytes) {
  size_t i = 0;
  if (matched_ > 0) {  // a delimiter that began in earlier input
    while (i < bytes.size() && matched_ < delimiter_.size() && bytes[i] == delimiter_[matched_])
      ++i, ++matched_;
    if (matched_ < delimiter_.size()) {
      if (i == bytes.size()) return i;
      std::string_view data = std::string_view(delimiter_).substr(virtual_, matched_ - virtual_);
      matched_ = virtual_ = 0;
      emit(data);
      return i;
    }
  } else {
    i = find_delimiter(bytes, delimiter_);
    matched_ = std::min(delimiter_.size(), bytes.size() - i);
    emit(bytes.substr(0, i));
    i += matched_;
    if (matched_ < delimiter_.size()) return i;
  }
  state_ = State::behind_boundary;
  held_.clear();
  return i;
}

// "--" ends the form; blanks and a line end begin a part; anything else means that it was no boundary.
size_t MultipartParser::feed_behind_boundary(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    size_t n = held_.size();
    char last = n ? held_.back() : ' ';
    bool dash = c == '-' && (n == 0 || (n == 1 && last == '-'));
    bool blank = (c == ' ' || c == '\t') && last != '-' && last != '\r' && n < kMaxPadding;
    bool line_end = (c == '\r' && last != '-' && last != '\r') || (c == '\n' && last == '\r');
    if (!dash && !blank && !line_end) {
      was_data();
      return i;
    }
    held_ += c;
    if (held_ == "--" || c == '\n') {
      if (in_part_) events_.on_part_end();
      in_part_ = false;
      matched_ = virtual_ = 0;
      state_ = c == '\n' ? State::headers : State::end;
      held_.clear();
      return i + 1;
    }
  }
  return bytes.size();
}

void MultipartParser::was_data() {
  state_ = in_part_ ? State::data : State::preamble;
  std::string data = delimiter_.substr(virtual_) + held_;
  held_.clear();
  // A CR at its end may begin the real delimiter.
  matched_ = data.back() == '\r' ? 1 : 0;
  virtual_ = 0;
  data.resize(data.size() - matched_);
  emit(data);
}

size_t MultipartParser::feed_headers(std::string_view bytes) {
  // Mostly they come in one piece.
  if (size_t length = held_.empty() ? bytes.substr(0, kMaxHeaders).find("\r\n\r\n") : std::string_view::npos;
      length != std::string_view::npos && !bytes.starts_with("\r\n")) {
    begin_part(bytes.substr(0, length));
    return length + 4;
  }
  // The empty line may be cut anywhere: look again at the last three bytes.
  size_t before = held_.size();
  size_t from = before < 3 ? 0 : before - 3;
  held_.append(bytes.substr(0, kMaxHeaders + 4 - std::min(before, kMaxHeaders + 4)));
  size_t end = held_.starts_with("\r\n") ? 0 : held_.find("\r\n\r\n", from);
  if (end == std::string::npos) {
    if (held_.size() > kMaxHeaders) refuse_multipart("headers of a part are longer than 16 KiB");
    return held_.size() - before;
  }
  size_t used = end + (end == 0 ? 2 : 4) - before;
  begin_part(std::string_view(held_).substr(0, end));
  return used;
}

void MultipartParser::begin_part(std::string_view headers) {
  std::optional<Part> part = read_headers(headers);
  held_.clear();
  if (!part) refuse_multipart("a part without readable headers");
  state_ = State::data;
  expect_delimiter();
  in_part_ = true;
  events_.on_part(std::move(*part));
}

}  // namespace osb::execd
