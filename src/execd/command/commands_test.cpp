#include "execd/command/commands.h"

#include <gtest/gtest.h>

#include "execd/answer_for_tests.h"
#include "execd/event_stream.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

class CommandsTest : public ::testing::Test {
 protected:
  // The id of a background command that prints that many bytes.
  std::string print(int bytes) {
    CommandSpec spec;
    spec.child.program = "head";
    spec.child.argv = {"head", "-c", std::to_string(bytes), "/dev/zero"};
    spec.child.env = {"PATH=/usr/bin:/bin"};
    spec.background = true;
    AnswerForTests answer;
    loop_.run_until_done(serve_events(commands_.start(spec)->journal, answer));
    return answer.text.substr(answer.text.find(R"("text":")") + 8, 32);
  }
  bool wait_for_end(const std::string& id) {
    for (int i = 0; i < 2000; ++i) {
      auto command = commands_.find(id);
      if (!command || !command->running()) return true;
      loop_.run_until_done(net::sleep_for(milliseconds(5)));
    }
    return false;
  }

  net::Loop loop_;
  Reaper reaper_{loop_.executor()};
  Executions executions_{loop_.executor()};
  Commands commands_{loop_.executor(), reaper_, executions_, 250'000};
};

TEST_F(CommandsTest, LogsOfEndedCommandsDoNotFillTheDisk) {
  std::string first = print(100'000), second, third;
  ASSERT_TRUE(wait_for_end(first));
  second = print(100'000);
  ASSERT_TRUE(wait_for_end(second));
  ASSERT_TRUE(commands_.find(first));
  EXPECT_EQ(commands_.find(first)->log()->size(), 100'000u);
  third = print(100'000);
  ASSERT_TRUE(wait_for_end(third));
  EXPECT_FALSE(commands_.find(first));  // the oldest makes room
  EXPECT_TRUE(commands_.find(second));
  EXPECT_TRUE(commands_.find(third));
}

TEST_F(CommandsTest, WhatACommandLeftIsGivenBackWithoutARequest) {
  Commands commands(loop_.executor(), reaper_, executions_, 250'000, milliseconds(100));
  CommandSpec spec;
  spec.child.program = "echo";
  spec.child.argv = {"echo", "words"};
  spec.child.env = {"PATH=/usr/bin:/bin"};
  std::weak_ptr<Command> command = commands.find(commands.start(spec)->id);
  ASSERT_FALSE(command.expired());
  for (int i = 0; i < 500 && !command.expired(); ++i)
    loop_.run_until_done(net::sleep_for(milliseconds(10)));  // nobody asks for it
  EXPECT_TRUE(command.expired());
}

}  // namespace
}  // namespace osb::execd
