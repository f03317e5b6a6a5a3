// Three steps: braces become a list of plain alternatives, each is cut into parts, each part into tokens.
// Matching is the classical one-star backtracking, once over parts (for `**`) and once inside a part (for
// `*`).
#include "execd/files/glob.h"

#include <string>

#include "base/error.h"

namespace osb::execd {

namespace {

constexpr size_t kMaxPattern = 4096;
constexpr size_t kMaxAlternatives = 256;
constexpr int kMaxNesting = 16;

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorCode::invalid, "reading the pattern: " + std::string(what), "INVALID_REQUEST_BODY");
}

// One character at the start of `text` and its length. Bytes that are no UTF-8 get values of their own.
uint32_t rune_at(std::string_view text, size_t& length) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  auto follows = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  unsigned char first = byte(0);
  length = 1;
  if (first < 0x80) return first;
  if (first >= 0xc2 && first < 0xe0 && follows(1)) {
    length = 2;
    return (first & 0x1fu) << 6 | (byte(1) & 0x3fu);
  }
  if (first >= 0xe0 && first < 0xf0 && follows(1) && follows(2)) {
    length = 3;
    return (first & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  }
  if (first >= 0xf0 && first < 0xf5 && follows(1) && follows(2) && follows(3)) {
    length = 4;
    return (first & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
  }
  return 0x80000000u | first;
}

std::vector<uint32_t> runes_of(std::string_view text) {
  std::vector<uint32_t> runes;
  for (size_t length = 0; !text.empty(); text.remove_prefix(length)) runes.push_back(rune_at(text, length));
  return runes;
}

// Position behind the class that starts at `at`.
size_t end_of_class(std::string_view text, size_t at) {
  size_t i = at + 1;
  if (i < text.size() && (text[i] == '^' || text[i] == '!')) ++i;
  if (i < text.size() && text[i] == ']') fail("an empty class []");
  for (; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == ']')
      return i + 1;
  }
  fail("a class [ without its ]");
}

// Position behind the `)` of the `!(` at `at`.
size_t end_of_negation(std::string_view text, size_t at) {
  int depth = 0;
  for (size_t i = at + 1; i < text.size();) {
    if (text[i] == '\\') {
      i += 2;
    } else if (text[i] == '[') {
      i = end_of_class(text, i);
    } else {
      if (text[i] == '(') ++depth;
      if (text[i] == ')' && --depth == 0) return i + 1;
      ++i;
    }
  }
  fail("!( without its )");
}

// Position behind the piece that starts at `at`: an escape, a class, a negation at the start of a part, or
// one byte.
size_t skip_piece(std::string_view text, size_t at) {
  if (text[at] == '\\') {
    if (at + 1 == text.size()) fail("a \\ at the end");
    return at + 2;
  }
  if (text[at] == '[') return end_of_class(text, at);
  bool part_start = at == 0 || text[at - 1] == '/';
  if (part_start && text.substr(at).starts_with("!(")) return end_of_negation(text, at);
  return at + 1;
}

// Replaces the first pair of braces by each of its choices, until none is left.
void expand_braces(std::string_view pattern, int nesting, size_t& budget, std::vector<std::string>& out) {
  size_t open = 0;
  while (open < pattern.size() && pattern[open] != '{') open = skip_piece(pattern, open);
  if (open >= pattern.size()) {
    if (budget-- == 0) fail("more than 256 alternatives");
    out.emplace_back(pattern);
    return;
  }
  if (nesting == kMaxNesting * 4) fail("too many braces");
  std::vector<std::string_view> choices;
  size_t begin = open + 1;
  int depth = 1;
  size_t i = begin;
  while (i < pattern.size() && depth > 0) {
    char c = pattern[i];
    if (c == '{') {
      if (++depth > kMaxNesting) fail("braces nested too deeply");
    }
    if ((c == ',' && depth == 1) || (c == '}' && --depth == 0)) {
      choices.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    }
    i = c == '{' || c == '}' ? i + 1 : skip_piece(pattern, i);
  }
  if (depth > 0) fail("a { without its }");
  for (std::string_view choice : choices) {
    std::string text(pattern.substr(0, open));
    text.append(choice).append(pattern.substr(i));
    expand_braces(text, nesting + 1, budget, out);
  }
}

// Does `text` fit the pattern, whose stars take any run? Backtracks to the last star alone, which is enough.
template <class Item, class Thing, class IsStar, class Fits>
bool match_with_stars(const std::vector<Item>& pattern, const std::vector<Thing>& text, IsStar is_star,
                      Fits fits) {
  size_t t = 0, k = 0;
  size_t star = SIZE_MAX, resume = 0;  // the last star, and the text behind what it took so far
  while (t < text.size()) {
    if (k < pattern.size() && is_star(pattern[k])) {
      star = k++;
      resume = t;
    } else if (k < pattern.size() && fits(pattern[k], text[t])) {
      ++k;
      ++t;
    } else if (star != SIZE_MAX) {
      k = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (k < pattern.size() && is_star(pattern[k])) ++k;
  return k == pattern.size();
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) fail("longer than 4096 bytes");
  Budget budget{kMaxAlternatives, kMaxNesting};
  *this = Glob(pattern, budget);
}

Glob::Glob(std::string_view pattern, Budget& budget) {
  std::vector<std::string> plain;
  expand_braces(pattern, 0, budget.alternatives, plain);
  for (const std::string& alternative : plain) alternatives_.push_back(compile(alternative, budget));
}

Glob::Parts Glob::compile(std::string_view alternative, Budget& budget) {
  Parts parts;
  size_t begin = 0;
  for (size_t i = 0; i <= alternative.size();) {
    if (i < alternative.size() && alternative[i] != '/') {
      i = skip_piece(alternative, i);
      continue;
    }
    parts.push_back(compile_part(alternative.substr(begin, i - begin), budget));
    begin = ++i;
  }
  return parts;
}

Glob::Part Glob::compile_part(std::string_view text, Budget& budget) {
  Part part;
  if (text == "**") {
    part.any_depth = true;
    return part;
  }
  if (text.starts_with("!(") && end_of_negation(text, 0) == text.size()) {
    if (budget.nesting-- == 0) fail("too many !(");
    part.not_matching.reset(new Glob(text.substr(2, text.size() - 3), budget));
    return part;
  }
  auto take = [&](std::string_view from) {
    size_t length = 0;
    if (from[0] == '\\' && from.size() > 1) from.remove_prefix(1);
    uint32_t rune = rune_at(from, length);
    text.remove_prefix(static_cast<size_t>(from.data() - text.data()) + length);
    return rune;
  };
  while (!text.empty()) {
    if (text[0] == '*') {
      if (part.tokens.empty() || part.tokens.back().kind != Token::star)
        part.tokens.push_back({Token::star, 0, {}});
      text.remove_prefix(1);
    } else if (text[0] == '?') {
      part.tokens.push_back({Token::any, 0, {}});
      text.remove_prefix(1);
    } else if (text[0] == '[') {
      Token token{Token::one_of, 0, {}};
      text.remove_prefix(1);
      if (text[0] == '^' || text[0] == '!') {
        token.kind = Token::none_of;
        text.remove_prefix(1);
      }
      while (text[0] != ']') {
        uint32_t low = take(text);
        uint32_t high = low;
        if (text.size() > 1 && text[0] == '-' && text[1] != ']') {
          text.remove_prefix(1);
          high = take(text);
        }
        token.ranges.emplace_back(low, high);
      }
      text.remove_prefix(1);
      part.tokens.push_back(std::move(token));
    } else {
      part.tokens.push_back({Token::literal, take(text), {}});
    }
  }
  return part;
}

bool Glob::Part::matches(const std::vector<uint32_t>& text) const {
  return match_with_stars(
      tokens, text, [](const Token& token) { return token.kind == Token::star; },
      [](const Token& token, uint32_t rune) { return token.fits(rune); });
}

bool Glob::Token::fits(uint32_t other) const {
  if (kind == any) return true;
  if (kind == literal) return rune == other;
  bool inside = false;
  for (auto [low, high] : ranges) inside = inside || (low <= other && other <= high);
  return inside == (kind == one_of);
}

bool Glob::matches(const Parts& parts, const std::vector<std::vector<uint32_t>>& text) {
  return match_with_stars(
      parts, text, [](const Part& part) { return part.any_depth; },
      [](const Part& part, const std::vector<uint32_t>& name) {
        if (!part.not_matching) return part.matches(name);
        for (const Parts& inner : part.not_matching->alternatives_)
          if (matches(inner, {name})) return false;
        return true;
      });
}

bool Glob::matches(std::string_view text) const {
  std::vector<std::vector<uint32_t>> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('/', begin), text.size());
    parts.push_back(runes_of(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  for (const Parts& alternative : alternatives_)
    if (matches(alternative, parts)) return true;
  return false;
}

}  // namespace osb::execd
