#include "execd/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "execd/executions.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string numbered(int i, size_t padding = 0) {
  return R"({"type":"stdout","n":)" + std::to_string(i) + R"(,"text":")" + std::string(padding, 'x') + "\"}";
}

class JournalTest : public ::testing::Test {
 protected:
  std::shared_ptr<Journal> journal(size_t kept = Journal::kKeptBytes) {
    return std::make_shared<Journal>(loop_.executor(), kept);
  }
  static std::string all(std::shared_ptr<Journal> journal, int64_t after, Framing framing = Framing::lines) {
    Journal::Reader reader(std::move(journal), after);
    std::string out;
    while (reader.take(out, 1, framing)) {}
    return out;
  }

  net::Loop loop_;
};

TEST_F(JournalTest, NumbersEventsFromOne) {
  auto events = journal();
  events->append(R"({"type":"init"})");
  events->append(R"({"type":"stdout","text":"a"})");
  EXPECT_EQ(all(events, 0),
            "{\"type\":\"init\",\"eid\":1}\n\n{\"type\":\"stdout\",\"text\":\"a\",\"eid\":2}\n\n");
  EXPECT_EQ(all(events, 1), "{\"type\":\"stdout\",\"text\":\"a\",\"eid\":2}\n\n");
  EXPECT_EQ(all(events, 2), "");
  EXPECT_EQ(all(events, 1, Framing::sse), "id: 2\ndata: {\"type\":\"stdout\",\"text\":\"a\",\"eid\":2}\n\n");
  events->close();
  events->append(R"({"type":"late"})");
  EXPECT_EQ(events->last_eid(), 2);
}

// The first reader stops at every event boundary; the second one gets exactly the rest.
TEST_F(JournalTest, ResumesBehindEveryEvent) {
  auto events = journal();
  for (int i = 1; i <= 400; ++i) events->append(numbered(i, static_cast<size_t>(i) * 7 % 3000));
  std::string whole = all(events, 0);
  ASSERT_GT(whole.size(), 300'000u);  // several segments
  size_t at = 0;
  for (int64_t eid = 0; eid <= 400; ++eid) {
    EXPECT_EQ(all(events, eid), whole.substr(at)) << "after " << eid;
    at = whole.find("\n\n", at) + 2;
  }
}

// Small segments first, then larger ones: batches of every size are whole events in order.
TEST_F(JournalTest, TakesWholeEventsWhateverTheLimit) {
  auto events = journal();
  for (int i = 1; i <= 3000; ++i)
    events->append_text(R"({"type":"stdout","text":)", std::string(static_cast<size_t>(i % 400 + 1), 'x'),
                        R"(,"n":)" + std::to_string(i));
  events->append(numbered(3001, 500'000));  // larger than a segment
  events->append(numbered(3002));
  std::string whole = all(events, 0);
  for (size_t limit : {1ul, 1000ul, 100'000ul, 256ul * 1024, 10'000'000ul}) {
    for (Framing framing : {Framing::lines, Framing::sse}) {
      Journal::Reader reader(events, 0);
      std::string got;
      for (std::string batch; reader.take(batch, limit, framing); batch.clear()) {
        EXPECT_TRUE(batch.ends_with("}\n\n"));
        bool one = batch.find("\n\n") + 2 == batch.size();
        EXPECT_TRUE(one || batch.size() <= limit + (framing == Framing::sse ? 500'100 : 600));
        got += batch;
      }
      EXPECT_EQ(got, framing == Framing::lines ? whole : all(events, 0, framing));
    }
  }
}

TEST_F(JournalTest, TextsBecomeJsonStrings) {
  auto events = journal();
  events->append_text(R"({"type":"stdout","text":)", "a\"\n\xff", R"(,"timestamp":7)");
  EXPECT_EQ(all(events, 0),
            "{\"type\":\"stdout\",\"text\":\"a\\\"\\n\\ufffd\",\"timestamp\":7,\"eid\":1}\n\n");
  EXPECT_EQ(events->size(), all(events, 0).size());
  events->close();
  EXPECT_EQ(all(events, 0).size(), events->size());
  events->append_text("{\"type\":", "late", "");
  EXPECT_EQ(events->last_eid(), 1);
}

TEST_F(JournalTest, KeepsTheNewestWithoutAReaderAndCountsTheRest) {
  auto events = journal(1'000'000);
  for (int i = 1; i <= 3000; ++i) events->append(numbered(i, 1000));
  EXPECT_LE(events->size(), 1'000'000u);
  EXPECT_GT(events->size(), 800'000u);
  int64_t dropped = events->dropped();
  ASSERT_GT(dropped, 1900);
  std::string text = all(events, 5);
  json::Value gap = json::parse(text.substr(0, text.find("\n\n")));
  EXPECT_EQ(gap.at("type").as_string(), "gap");
  EXPECT_EQ(gap.at("dropped").as_int64(), dropped - 5);
  EXPECT_EQ(gap.at("eid").as_int64(), dropped);
  EXPECT_TRUE(gap.as_object().contains("timestamp"));
  std::string rest = text.substr(text.find("\n\n") + 2);
  EXPECT_EQ(rest, all(events, dropped));  // going on from the gap gives no second one
  EXPECT_THAT(rest, ::testing::StartsWith(R"({"type":"stdout","n":)" + std::to_string(dropped + 1) + ","));
  EXPECT_THAT(all(events, dropped - 1), HasSubstr(R"("dropped":1,)"));
}

TEST_F(JournalTest, AReaderHoldsTheProducerBackAndLosesNothing) {
  auto events = journal(500'000);
  int drained = 0;
  events->on_drain([&] { ++drained; });
  auto reader = std::make_unique<Journal::Reader>(events, 0);
  EXPECT_FALSE(events->congested());
  int produced = 0;
  while (!events->congested()) events->append(numbered(++produced, 1000));
  EXPECT_LT(produced, 300);
  std::string got;
  ASSERT_TRUE(reader->take(got, 10'000'000, Framing::lines));
  EXPECT_FALSE(events->congested());
  EXPECT_EQ(drained, 1);
  // One that does not stop in spite of that: nothing is dropped either.
  for (int i = 0; i < 3000; ++i) events->append(numbered(++produced, 1000));
  EXPECT_TRUE(events->congested());
  while (reader->take(got, 1, Framing::lines)) {}
  EXPECT_THAT(got, Not(HasSubstr("\"gap\"")));
  EXPECT_THAT(got, HasSubstr("\"eid\":" + std::to_string(produced) + "}\n\n"));
  reader.reset();
  EXPECT_LE(events->size(), 500'000u);  // what nobody waits for is dropped again
}

TEST_F(JournalTest, TheSlowestReaderCounts) {
  auto events = journal();
  Journal::Reader fast(events, 0);
  auto slow = std::make_unique<Journal::Reader>(events, 0);
  std::string got;
  for (int i = 1; i <= 400; ++i) events->append(numbered(i, 1000));
  while (fast.take(got, 1, Framing::lines)) {}
  EXPECT_TRUE(events->congested());
  slow.reset();
  EXPECT_FALSE(events->congested());
}

// A connection that died unnoticed must not stop the client that came back on another one.
TEST_F(JournalTest, AStuckReaderCountsOnlyWhileItIsAlone) {
  auto events = journal(500'000);
  Journal::Reader stuck(events, 0);
  for (int i = 1; i <= 400; ++i) events->append(numbered(i, 1000));
  stuck.begin_write(std::chrono::steady_clock::now() - Journal::kStuckTime - std::chrono::seconds(1));
  EXPECT_TRUE(events->congested());
  {
    Journal::Reader other(events, 400);
    EXPECT_FALSE(events->congested());
    for (int i = 401; i <= 1000; ++i) events->append(numbered(i, 1000));
    EXPECT_TRUE(events->congested());  // by the other one
  }
  Journal::Reader another(events, 1000);
  for (int i = 1001; i <= 2000; ++i) events->append(numbered(i, 1000));
  std::string got;
  EXPECT_TRUE(another.take(got, 10'000'000, Framing::lines));
  EXPECT_THAT(got, ::testing::Not(HasSubstr("\"gap\"")));
  got.clear();
  stuck.end_write();
  EXPECT_TRUE(stuck.take(got, 1, Framing::lines));
  EXPECT_THAT(got, HasSubstr("\"gap\""));  // it was overtaken, and knows
}

TEST_F(JournalTest, AnEventLargerThanWhatIsKeptIsAGapOrIsDelivered) {
  auto events = journal(1000);
  events->append(numbered(1, 5000));
  EXPECT_EQ(events->dropped(), 1);
  EXPECT_THAT(all(events, 0), HasSubstr(R"("type":"gap")"));
  Journal::Reader reader(events, 1);
  events->append(numbered(2, 5000));
  std::string got;
  EXPECT_TRUE(reader.take(got, 1, Framing::lines));
  EXPECT_THAT(got, HasSubstr(R"("n":2)"));
}

TEST_F(JournalTest, EndedExecutionsMakeRoomForRunningOnes) {
  ExecutionLimits limits;
  limits.bytes = 3'000'000;
  limits.journal_bytes = 2'000'000;
  limits.ended = 10;
  Executions executions(loop_.executor(), limits);
  auto fill = [&](const std::string& id, int events) {
    auto execution = executions.begin(id);
    for (int i = 0; i < events; ++i) execution->journal->append(numbered(i, 1000));
    return execution;
  };
  fill("first", 1000)->journal->close();
  auto second = fill("second", 1000);
  EXPECT_TRUE(executions.find("first"));
  auto third = fill("third", 1500);
  EXPECT_FALSE(executions.find("first"));
  EXPECT_EQ(second->journal->dropped(), 0);
  EXPECT_EQ(third->journal->dropped(), 0);
  auto fourth = fill("fourth", 1500);  // now running ones give way, the largest first
  EXPECT_LE(executions.budget().used(), limits.bytes);
  EXPECT_GT(third->journal->dropped(), 0);
  EXPECT_GT(third->journal->size(), 500'000u);
  second.reset(), third.reset(), fourth.reset();
  for (int i = 0; i < 20; ++i) fill(std::to_string(i), 1)->journal->close();
  EXPECT_FALSE(executions.find("9"));
  EXPECT_TRUE(executions.find("10"));
}

TEST_F(JournalTest, EndedExecutionsAreForgottenAfterATime) {
  ExecutionLimits limits;
  limits.time = std::chrono::milliseconds(0);
  Executions executions(loop_.executor(), limits);
  auto one = executions.begin("one");
  EXPECT_TRUE(executions.find("one"));
  one->journal->append(numbered(1));
  one->journal->close();
  loop_.run_until_done(net::sleep_for(std::chrono::milliseconds(2)));
  EXPECT_FALSE(executions.find("one"));
  EXPECT_GT(executions.budget().used(), 0u);
  one.reset();
  EXPECT_EQ(executions.budget().used(), 0u);
}

}  // namespace
}  // namespace osb::execd
