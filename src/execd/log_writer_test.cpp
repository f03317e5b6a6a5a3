#include "execd/log_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fd.h"
#include "base/json.h"

namespace osb::execd {
namespace {

class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() : path_("/tmp/execd_log_test." + std::to_string(::getpid())) {}
  ~LogWriterTest() override {
    for (const char* end : {"", ".1", ".2", ".3"}) std::filesystem::remove(path_ + end);
  }
  std::string content(const std::string& end = {}) {
    std::ostringstream out;
    out << std::ifstream(path_ + end).rdbuf();
    return out.str();
  }
  std::string path_;
};

TEST_F(LogWriterTest, LinesOfTheLogArriveWholeAndInOrder) {
  {
    LogWriter writer({path_});
    redirect_log(&writer);
    for (int i = 0; i < 100; ++i) log_error("line", {{"i", i}});
    redirect_log(nullptr);
  }
  std::istringstream in(content());
  std::string line;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(std::getline(in, line));
    json::Value value = json::parse(line);
    EXPECT_EQ(value.at("i").as_int64(), i);
    EXPECT_EQ(value.at("level").as_string(), "error");
    EXPECT_EQ(value.at("msg").as_string(), "line");
    EXPECT_TRUE(value.as_object().contains("ts"));
  }
}

TEST_F(LogWriterTest, AFileThatIsFullIsPutAside) {
  {
    LogWriter writer({path_}, {.file_bytes = 10, .kept_files = 2});
    for (const char* line : {"first line\n", "second line\n", "third line\n", "fourth line\n"})
      writer.write(line);
  }
  EXPECT_EQ(content(), "fourth line\n");
  EXPECT_EQ(content(".1"), "third line\n");
  EXPECT_EQ(content(".2"), "second line\n");
  EXPECT_EQ(content(".3"), "");
}

TEST_F(LogWriterTest, AReaderThatIsStuckCostsLinesNotTime) {
  // A FIFO that is opened but never read.
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  Fd reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK));
  std::string all;
  {
    LogWriter writer({path_}, {.waiting_bytes = 64 * 1024});
    std::string line(1000, 'x');
    for (int i = 0; i < 1000; ++i) writer.write(line + "\n");  // a megabyte: more than queue and pipe hold
  }
  char buffer[65536];
  for (ssize_t n; (n = ::read(reader.get(), buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<size_t>(n));
  EXPECT_GT(all.size(), 1000u);
  EXPECT_LT(all.size(), 300'000u);
}

TEST_F(LogWriterTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(LogWriter({"/nope/nope/log"}), Error);
}

}  // namespace
}  // namespace osb::execd
