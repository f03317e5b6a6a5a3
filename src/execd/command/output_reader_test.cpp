#include "execd/command/output_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "net/loop.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

class OutputReaderTest : public ::testing::Test {
 protected:
  OutputReaderTest() {
    ::signal(SIGPIPE, SIG_IGN);
    Pipe pipe = make_pipe();
    end_ = std::move(pipe.write);
    ::fcntl(end_.get(), F_SETFL, O_NONBLOCK);
    OutputReader::Consumer consumer;
    consumer.take = [this](std::string_view bytes, bool more) {
      text_ += bytes;
      more_ = more;
    };
    consumer.congested = [this] { return consumer_congested_ ? consumer_congested_() : congested_; };
    reader_ = OutputReader::start(loop_.executor(), std::move(pipe.read), std::move(consumer));
  }

  ssize_t print(const std::string& text) { return ::write(end_.get(), text.data(), text.size()); }
  // Lets the loop work until nothing more happens.
  void pass() { loop_.run_until_done(net::sleep_for(milliseconds(20))); }

  net::Loop loop_;
  Fd end_;
  std::string text_;
  std::optional<bool> more_;
  bool congested_ = false;
  std::function<bool()> consumer_congested_;
  std::shared_ptr<OutputReader> reader_;
};

TEST_F(OutputReaderTest, GivesWhatComesAndSaysWhenNothingElseIsThere) {
  print("one");
  pass();
  EXPECT_EQ(text_, "one");
  EXPECT_EQ(more_, false);
  print("two");
  end_.reset();
  pass();
  EXPECT_EQ(text_, "onetwo");
}

TEST_F(OutputReaderTest, HoldsOneReadBackFromACongestedConsumerAndReadsNoMore) {
  congested_ = true;
  ssize_t taken = 0;
  std::string printed;
  for (int idle = 0; idle < 3;) {  // until the pipe stays full
    std::string text(10'000, static_cast<char>('a' + printed.size() % 26));
    ssize_t n = print(text);
    if (n > 0) printed += text.substr(0, static_cast<size_t>(n));
    idle = n > 0 ? 0 : idle + 1;
    taken += std::max<ssize_t>(n, 0);
    pass();
  }
  EXPECT_LE(taken, 2 * 64 * 1024);
  EXPECT_EQ(text_, "");
  congested_ = false;
  reader_->resume();
  pass();
  EXPECT_EQ(text_, printed);
}

// Sixty bytes of event for each empty line: a whole read of them would be megabytes in front of one client.
TEST_F(OutputReaderTest, AsksItsConsumerBetweenSlicesOfOneRead) {
  size_t room = 1;
  consumer_congested_ = [&] { return text_.size() >= room; };
  std::string all;
  for (int i = 0; all.size() < 60'000; ++i) all += std::to_string(i);
  print(all);
  pass();
  EXPECT_GE(text_.size(), room);
  EXPECT_LE(text_.size(), 10'000u);
  EXPECT_EQ(more_, true);
  room = 20'000;
  reader_->resume();
  pass();
  EXPECT_GE(text_.size(), room);
  EXPECT_LE(text_.size(), 30'000u);
  // What is held back, then what is in the pipe; nothing that is printed later.
  print("!");
  bool done = false;
  reader_->finish([&] { done = true; });
  print("late");
  pass();
  EXPECT_FALSE(done);
  EXPECT_LE(text_.size(), 30'000u);
  room = 1'000'000;
  reader_->resume();
  EXPECT_TRUE(done);
  EXPECT_EQ(text_, all + "!");
  pass();
  EXPECT_EQ(text_, all + "!");
}

// A client that takes nothing while a command ends must not cost a whole pipe of memory: the rest stays
// there.
TEST_F(OutputReaderTest, FinishLeavesInThePipeWhatACongestedConsumerDoesNotWantYet) {
  congested_ = true;
  std::string printed;
  for (int idle = 0; idle < 3;) {  // until the pipe stays full
    std::string text(4096, static_cast<char>('a' + printed.size() / 4096 % 26));
    ssize_t n = print(text);
    if (n > 0) printed += text.substr(0, static_cast<size_t>(n));
    idle = n > 0 ? 0 : idle + 1;
    pass();
  }
  bool done = false;
  reader_->finish([&] { done = true; });
  EXPECT_LT(print(std::string(4096, 'z')), 0);  // still full
  EXPECT_FALSE(done);
  congested_ = false;
  reader_->resume();
  EXPECT_TRUE(done);
  EXPECT_EQ(text_, printed);
  EXPECT_GT(print("late"), 0);
  pass();
  EXPECT_EQ(text_, printed);
}

TEST_F(OutputReaderTest, GrowsThePipeOfWhoPrintsMuch) {
  auto capacity = [this] { return ::fcntl(end_.get(), F_GETPIPE_SZ); };
  int before = capacity();
  print("little");
  pass();
  EXPECT_EQ(capacity(), before);
  while (print(std::string(4096, 'x')) > 0) {}
  pass();
  EXPECT_GT(capacity(), before);
}

TEST_F(OutputReaderTest, FinishIsDoneAtOnceWhenNobodyIsCongested) {
  pass();
  print(std::string(50'000, 'b'));
  bool done = false;
  reader_->finish([&] { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(text_, std::string(50'000, 'b'));
}

TEST_F(OutputReaderTest, DrainTakesWhatIsThereAndGoesOn) {
  pass();
  print("now");
  reader_->drain();
  EXPECT_EQ(text_, "now");
  print(" and later");
  pass();
  EXPECT_EQ(text_, "now and later");
}

TEST_F(OutputReaderTest, WhatNobodyWantsIsReadAndDropped) {
  pass();
  reader_->discard_rest();
  // Far more than a pipe holds: its writer is neither stuck nor told that nobody reads.
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(print(std::string(30'000, 'x')), 30'000) << i;
    pass();
  }
  EXPECT_EQ(text_, "");
}

TEST_F(OutputReaderTest, DiscardingWakesAReaderThatWaitsForItsConsumer) {
  congested_ = true;
  print("first");
  pass();
  reader_->discard_rest();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(print(std::string(30'000, 'x')), 30'000) << i;
    pass();
  }
}

TEST_F(OutputReaderTest, LivesAsLongAsThePipe) {
  std::weak_ptr<OutputReader> watch = reader_;
  reader_.reset();
  pass();
  EXPECT_FALSE(watch.expired());
  end_.reset();
  pass();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace osb::execd
