#include "execd/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "execd/answer_for_tests.h"
#include "execd/event.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class EventStreamTest : public ::testing::Test {
 protected:
  EventStreamTest() { journal_->append(init_event("a", "a")); }
  void serve() { net::spawn(loop_.executor(), "stream", serve_events(journal_, answer_)); }
  void pass(milliseconds time) { loop_.run_until_done(net::sleep_for(time)); }
  void end() {
    journal_->append(status_event("over"));
    journal_->close();
  }

  net::Loop loop_;
  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(loop_.executor());
  AnswerForTests answer_;
};

// Clients work on the head and the first events while the command runs: released Python clients lost more
// than a millisecond where the first event waited for the next.
TEST_F(EventStreamTest, TheFirstEventDoesNotWaitForTheEnd) {
  serve();
  pass(milliseconds(1));
  EXPECT_THAT(answer_.text, HasSubstr("init"));
  EXPECT_THAT(answer_.text, Not(HasSubstr("over")));
  end();
  pass(milliseconds(50));
  EXPECT_THAT(answer_.text, HasSubstr("over"));
  EXPECT_EQ(answer_.pieces, 2);
}

}  // namespace
}  // namespace osb::execd
