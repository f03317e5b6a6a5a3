#include "execd/files/delimiter_search.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace osb::execd {
namespace {

size_t find_slowly(std::string_view bytes, std::string_view delimiter) {
  for (size_t i = 0; i < bytes.size(); i++)
    if (delimiter.starts_with(bytes.substr(i, delimiter.size()))) return i;
  return bytes.size();
}

TEST(DelimiterSearch, FindsItAtEveryPlaceAndCut) {
  const std::string delimiter = "\r\n--XX";
  for (size_t size : {0u, 1u, 5u, 6u, 63u, 64u, 69u, 70u, 71u, 128u, 200u}) {
    std::string content(size, 'x');
    EXPECT_EQ(find_delimiter(content, delimiter), size);
    for (size_t at = 0; at < size; at++) {
      std::string with = content;
      with.replace(at, delimiter.size(), delimiter, 0, size - at);
      EXPECT_EQ(find_delimiter(with, delimiter), at) << size;
    }
  }
}

TEST(DelimiterSearch, AgreesWithASlowOne) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; round++) {
    std::string delimiter = "\r\n--" + std::string(random() % 12, '-');
    std::string bytes(random() % 300, ' ');
    for (char& c : bytes) c = "\r\n-- X"[random() % 6];
    if (round % 3 == 0) bytes.insert(random() % (bytes.size() + 1), delimiter);
    ASSERT_EQ(find_delimiter(bytes, delimiter), find_slowly(bytes, delimiter))
        << testing::PrintToString(bytes);
  }
}

TEST(DelimiterSearch, TakesADelimiterOfOneByte) {
  EXPECT_EQ(find_delimiter(std::string(100, 'a') + "b", "b"), 100u);
  EXPECT_EQ(find_delimiter("", "b"), 0u);
}

}  // namespace
}  // namespace osb::execd
