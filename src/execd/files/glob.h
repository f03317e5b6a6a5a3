// Name patterns of the search: '/' separates parts; `*` any run inside a part, `**` as a whole part any
// number of parts, `?` one character, `[abc]` `[a-z]` `[^x]` `[!x]` one of a class, `{a,b}` alternatives
// (nested, with patterns inside), `!(pat)` as a whole part everything but that, `\x` x itself. Characters are
// those of UTF-8; a byte that is none counts as one character.
//
// Bounded: matching takes at most pattern length × text length steps per alternative, and a pattern has at
// most 256 alternatives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace osb::execd {

class Glob {
 public:
  // Throws Error(invalid, INVALID_REQUEST_BODY) for an open `[`, `{` or `!(`, an empty class, a `\` at the
  // end, and beyond the bounds.
  explicit Glob(std::string_view pattern);

  bool matches(std::string_view text) const;

 private:
  struct Token {
    enum Kind { literal, any, star, one_of, none_of } kind;
    uint32_t rune = 0;
    std::vector<std::pair<uint32_t, uint32_t>> ranges;

    bool fits(uint32_t rune) const;
  };
  // One part between two '/'.
  struct Part {
    bool any_depth = false;              // `**`
    std::unique_ptr<Glob> not_matching;  // `!(…)`
    std::vector<Token> tokens;

    bool matches(const std::vector<uint32_t>& text) const;
  };
  using Parts = std::vector<Part>;

  // What is left for the patterns inside: `!(…)` holds patterns of its own.
  struct Budget {
    size_t alternatives;
    int nesting;
  };
  Glob(std::string_view pattern, Budget& budget);
  static Parts compile(std::string_view alternative, Budget& budget);
  static Part compile_part(std::string_view text, Budget& budget);
  static bool matches(const Parts& parts, const std::vector<std::vector<uint32_t>>& text);

  std::vector<Parts> alternatives_;
};

}  // namespace osb::execd
