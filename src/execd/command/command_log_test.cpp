#include "execd/command/command_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST(CommandLog, WhatTheDiskDoesNotTakeIsMissingAtTheBeginning) {
  CommandLog log;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before, full;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  full = before;
  full.rlim_cur = 4096;  // a disk that is full from here on
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  log.append(std::string(4000, 'a'));
  log.append(std::string(4000, 'b'));
  log.append("lost");
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(log.end(), 8004u);
  EXPECT_EQ(log.first(), log.end());
  EXPECT_EQ(read_from(log, 0), "");
  log.append("room again");
  EXPECT_EQ(log.end(), 8014u);
  EXPECT_EQ(read_from(log, log.first()), "room again");
}

TEST(CommandLog, AFileWithoutANameIsThereWhereverFilesAre) {
  char directory[] = "/tmp/osb-command-log-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  Fd file = open_unlinked_file(directory);
  ASSERT_TRUE(file);
  struct stat info;
  ASSERT_EQ(::fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0u);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(::rmdir(directory), 0);  // nothing is left in it
  EXPECT_FALSE(open_unlinked_file(directory));
}

}  // namespace
}  // namespace osb::execd
