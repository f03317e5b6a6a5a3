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
    consumer.congested = [this] { return congested_; };
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

TEST_F(OutputReaderTest, ReadsNothingWhileItsConsumerIsCongested) {
  congested_ = true;
  pass();
  print("waits");
  pass();
  // It may have been waiting for input before the congestion: then one read came through.
  text_.clear();
  print("later");
  pass();
  EXPECT_EQ(text_, "");
  congested_ = false;
  reader_->resume();
  pass();
  EXPECT_TRUE(text_.ends_with("later"));
}

TEST_F(OutputReaderTest, DrainTakesWhatIsThereEvenFromACongestedConsumer) {
  congested_ = true;
  pass();
  print("a");
  pass();
  print(std::string(50'000, 'b'));
  reader_->drain();
  EXPECT_EQ(text_, "a" + std::string(50'000, 'b'));
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
