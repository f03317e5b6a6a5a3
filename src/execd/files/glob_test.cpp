#include "execd/files/glob.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace osb::execd {
namespace {

struct Case {
  std::string_view pattern, text;
  bool match;
};

TEST(Glob, TableOfTheDialect) {
  constexpr Case kCases[] = {
      // literals and stars
      {"abc", "abc", true},
      {"abc", "ab", false},
      {"abc", "abcd", false},
      {"", "", true},
      {"", "a", false},
      {"*", "abc", true},
      {"*", "", true},
      {"*", ".hidden", true},
      {"*", "a/b", false},
      {"*c", "abc", true},
      {"a*", "a", true},
      {"a*", "ab/c", false},
      {"a*/b", "abc/b", true},
      {"a*/b", "a/c/b", false},
      {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
      {"a*b*c*d*e*/f", "axbxcxdxexxx/fff", false},
      {"a*b?c*x", "abxbbxdbxebxczzx", true},
      {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"*.txt", "a.txt", true},
      {"*.txt", ".txt", true},
      {"*.txt", "a.txt.bak", false},
      {"*x", "xxx", true},
      {"*x*x*x", "xx", false},
      // one character, characters of UTF-8
      {"a?b", "a☺b", true},
      {"a?b", "ab", false},
      {"a???b", "a☺b", false},
      {"?", "/", false},
      {"a[!a]b", "a☺b", true},
      {"a[!a][!a][!a]b", "a☺b", false},
      {"[а-я]", "ж", true},
      {"日*", "日本", true},
      {"?", "\xff", true},
      {"\xff", "\xff", true},
      {"\xff", "\xfe", false},
      // classes
      {"ab[c]", "abc", true},
      {"ab[b-d]", "abc", true},
      {"ab[e-g]", "abc", false},
      {"ab[^c]", "abc", false},
      {"ab[^b-d]", "abc", false},
      {"ab[^e-g]", "abc", true},
      {"ab[!e-g]", "abc", true},
      {"[a-ce-g]", "d", false},
      {"[a-ce-g]", "f", true},
      {"[-]", "-", true},
      {"[x-]", "-", true},
      {"[x-]", "x", true},
      {"[x-]", "z", false},
      {"[-x]", "-", true},
      {"[-x]", "a", false},
      {"[a\\-z]", "-", true},
      {"[a\\-z]", "m", false},
      {"[\\]a]", "]", true},
      {"[z-a]", "m", false},
      {"[*]", "*", true},
      {"[*]", "a", false},
      {"[{]a", "{a", true},
      // escapes
      {"a\\*b", "a*b", true},
      {"a\\*b", "axb", false},
      {"\\{a\\}", "{a}", true},
      {"\\\\", "\\", true},
      {"]", "]", true},
      {"a}", "a}", true},
      // alternatives
      {"a{,bc}", "a", true},
      {"a{,bc}", "abc", true},
      {"a{,bc}", "ab", false},
      {"{}", "", true},
      {"{a}", "a", true},
      {"{a,b}{c,d}", "ad", true},
      {"{a,b}{c,d}", "ab", false},
      {"{a,b,{c,d}}", "d", true},
      {"{a,{b,c{d,e}f}}", "cef", true},
      {"{a,{b,c{d,e}f}}", "cf", false},
      {"{a/ab*}", "abc", false},
      {"{a/ab*}", "a/abc", true},
      {"*.{js,ts,tsx}", "x.tsx", true},
      {"*.{js,ts,tsx}", "x.tsxx", false},
      {"{a\\,b,c}", "a,b", true},
      {"{[,],x}", ",", true},
      {"{ab*,?}z", "abcz", true},
      {"a,b", "a,b", true},
      // any depth
      {"**", "a", true},
      {"**", "a/b/c", true},
      {"**/c", "c", true},
      {"**/c", "b/c", true},
      {"**/c", "a/b/c", true},
      {"**/c", "a/b/cd", false},
      {"**/*.py", "x.py", true},
      {"src/*.py", "x.py", false},
      {"src/**", "src", true},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "a/x/y/c", false},
      {"**/a/**/b", "x/a/y/a/z/b", true},
      {"a**", "abc", true},
      {"a**", "ab/c", false},
      {"**c", "abc", true},
      // negated parts
      {"!(a)", "a", false},
      {"!(a)", "b", true},
      {"!(a*)", "abc", false},
      {"!({a,b})", "b", false},
      {"!({a,b})", "c", true},
      {"!(!(a))", "a", true},
      {"{!(a),a}", "a", true},
      {"**/!(*.txt)", "b.txt", false},
      {"**/!(*.txt)", "b.md", true},
      {"!a", "!a", true},
      {"a!(b)", "a!(b)", true},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(Glob(c.pattern).matches(c.text), c.match) << c.pattern << " ~ " << c.text;
}

TEST(Glob, RefusesBrokenPatterns) {
  for (std::string_view bad : {"[", "[a", "[]", "[]a]", "[^]", "[^]a]", "[a\\", "{", "{a", "{a,{b}", "a\\",
                               "\\", "{a,[}", "!(a", "!(", "[!]"}) {
    try {
      Glob glob(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::invalid);
    }
  }
}

TEST(Glob, IsBounded) {
  EXPECT_THROW(Glob(std::string(5000, 'a')), Error);
  EXPECT_THROW(Glob(std::string(100, '{')), Error);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "{a,b}";
  EXPECT_THROW({ Glob glob(many); }, Error);
  std::string parts;
  for (int i = 0; i < 300; ++i) parts += "!(";
  EXPECT_THROW({ Glob glob(parts); }, Error);
  std::string nested, choices = "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}";  // 128 each, multiplied by nesting
  for (int i = 0; i < 8; ++i) nested = "{x,!(" + choices + "/" + nested + ")}";
  EXPECT_THROW({ Glob glob(nested); }, Error);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep = "!(" + deep + ")";
  EXPECT_THROW({ Glob glob(deep); }, Error);
  // Exponential for a matcher that tries every split; a few thousand steps here.
  std::string stars, text(255, 'a');
  for (int i = 0; i < 100; ++i) stars += "*a";
  EXPECT_FALSE(Glob(stars + "b").matches(text));
  std::string depth;
  for (int i = 0; i < 100; ++i) depth += "**/a/";
  std::string path;
  for (int i = 0; i < 500; ++i) path += "a/";
  EXPECT_FALSE(Glob(depth + "b").matches(path + "c"));
}

}  // namespace
}  // namespace osb::execd
