#include "execd/session/shell_report.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

using namespace std::string_literals;

std::vector<ShellReport> read(std::string_view bytes, size_t piece) {
  ShellReportReader reader;
  std::vector<ShellReport> out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (auto report = reader.next()) out.push_back(*report);
  }
  return out;
}

TEST(ShellReport, ReadsReportsInAnyPieces) {
  std::string bytes =
      "end\0run1\0000\0/tmp\0state\0x=1\ny=2\n\0end\0run2\0"
      "255\0\0"s;
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    auto reports = read(bytes, piece);
    ASSERT_EQ(reports.size(), 3u);
    EXPECT_EQ(reports[0], (ShellReport{ShellReport::Kind::end, "run1", 0, "/tmp", ""}));
    EXPECT_EQ(reports[1], (ShellReport{ShellReport::Kind::state, "", 0, "", "x=1\ny=2\n"}));
    EXPECT_EQ(reports[2], (ShellReport{ShellReport::Kind::end, "run2", 255, "", ""}));
  }
}

TEST(ShellReport, SkipsNonsense) {
  EXPECT_TRUE(read("what\0ever\0\0"s, 3).empty());
  EXPECT_TRUE(read("end\0a\0x\0/\0end\0a\0"
                   "256\0/\0end\0a\0-1\0/\0end\0a\0\0/\0"s,
                   100)
                  .empty());
  EXPECT_EQ(read("junk\0end\0a\0001\0/\0"s, 100).size(), 1u);
  EXPECT_TRUE(read("end\0a\0001\0/unfinished"s, 100).empty());
}

TEST(ShellReport, ATextThatIsTooLongIsDropped) {
  std::string bytes =
      "state\0"s + std::string(ShellReportReader::kTextBytes + 1, 'x') + "\0end\0a\0002\0/\0"s;
  auto reports = read(bytes, 65536);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].exit_status, 2);
}

}  // namespace
}  // namespace osb::execd
