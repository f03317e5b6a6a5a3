#include "execd/command/command_log.h"

#include <gtest/gtest.h>

#include <string>

namespace osb::execd {
namespace {

std::string read_from(const CommandLog& log, uint64_t offset) {
  std::string out;
  char buffer[1000];
  while (size_t n = log.read(offset + out.size(), buffer)) out.append(buffer, n);
  return out;
}

TEST(CommandLog, IsReadByOffset) {
  CommandLog log;
  EXPECT_EQ(read_from(log, 0), "");
  log.append("abc");
  log.append("def");
  EXPECT_EQ(log.end(), 6u);
  EXPECT_EQ(read_from(log, 0), "abcdef");
  EXPECT_EQ(read_from(log, 4), "ef");
  EXPECT_EQ(read_from(log, 60), "");
}

TEST(CommandLog, KeepsTheLastBytesOnly) {
  constexpr uint64_t kept = 64 * 1024;
  CommandLog log(kept);
  std::string all;
  for (int i = 0; all.size() < 10 * kept; ++i) {
    std::string line = "line " + std::to_string(i) + "\n";
    log.append(line);
    all += line;
  }
  EXPECT_EQ(log.end(), all.size());
  EXPECT_LE(log.end() - log.first(), kept);
  EXPECT_GE(log.end() - log.first(), kept / 2);
  EXPECT_EQ(read_from(log, log.first()), all.substr(log.first()));
  char byte[1];
  EXPECT_EQ(log.read(0, byte), 1u);  // an offset that is gone reads from the first byte that is there
  EXPECT_EQ(byte[0], all[log.first()]);
}

}  // namespace
}  // namespace osb::execd
