#include "execd/retention.h"

#include <gtest/gtest.h>

#include "execd/executions.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

struct RetentionTest : testing::Test {
  // Lets the loop turn until it is so; nobody asks for anything meanwhile.
  bool comes_true(auto condition) {
    for (int i = 0; i < 500 && !condition(); i++) loop.run_until_done(net::sleep_for(milliseconds(10)));
    return condition();
  }
  net::Loop loop;
};

TEST_F(RetentionTest, AsksAgainAsLongAsSomethingIsKept) {
  int asked = 0;
  Retention retention(loop.executor(), milliseconds(20), [&asked]() -> std::optional<milliseconds> {
    if (++asked % 3 == 0) return std::nullopt;
    return milliseconds(5);
  });
  loop.run_until_done(net::sleep_for(milliseconds(50)));
  EXPECT_EQ(asked, 0) << "nothing is kept yet";
  retention.begin();
  retention.begin();
  EXPECT_TRUE(comes_true([&] { return asked == 3; }));
  loop.run_until_done(net::sleep_for(milliseconds(50)));
  EXPECT_EQ(asked, 3);
  retention.begin();
  EXPECT_TRUE(comes_true([&] { return asked == 6; }));
}

TEST_F(RetentionTest, EndsWithItsOwner) {
  int asked = 0;
  {
    Retention retention(loop.executor(), milliseconds(20), [&asked]() -> std::optional<milliseconds> {
      asked++;
      return milliseconds(5);
    });
    retention.begin();
    loop.run_until_done(net::sleep_for(milliseconds(1)));
  }
  loop.run();  // returns: no timer is left
  EXPECT_EQ(asked, 0);
}

TEST_F(RetentionTest, EventsOfWhatEndedAreGivenBackWithoutARequest) {
  ExecutionLimits limits;
  limits.time = milliseconds(100);
  Executions executions(loop.executor(), limits);
  for (const char* id : {"a", "b"}) {
    auto execution = executions.begin(id);
    execution->journal->append("{\"text\":\"" + std::string(10'000, 'x') + "\"}");
    execution->journal->close();
  }
  EXPECT_GT(executions.budget().used(), 10'000u);
  EXPECT_TRUE(comes_true([&] { return executions.budget().used() == 0; }));
}

}  // namespace
}  // namespace osb::execd
