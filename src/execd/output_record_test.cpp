#include "execd/output_record.h"

#include <gtest/gtest.h>

#include <regex>

#include "net/loop.h"

namespace osb::execd {
namespace {

using Terminators = LineSplitter::Terminators;

class OutputRecordTest : public ::testing::Test {
 protected:
  // All events, the timestamps replaced by T.
  std::string events() {
    Journal::Reader reader(journal_, 0);
    std::string out;
    reader.take(out, 1'000'000, Framing::lines);
    return std::regex_replace(out, std::regex(R"("timestamp":\d{13})"), R"("timestamp":T)");
  }

  net::Loop loop_;
  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(loop_.executor());
};

// The same bytes as those of the functions that make single events.
TEST_F(OutputRecordTest, IsWrittenAsSingleEventsAre) {
  OutputRecord out(journal_, OutputKind::out, Terminators::keep);
  OutputRecord err(journal_, OutputKind::err, Terminators::keep);
  out.take("a \"line\"\nand ", true);
  err.take("50%\r", false);
  out.take("more", false);
  out.finish();
  std::string fast = events();
  journal_ = std::make_shared<Journal>(loop_.executor());
  for (const std::string& event :
       {stdout_event("a \"line\"\n"), stderr_event("50%\r"), stdout_event("and more")})
    journal_->append(event);
  EXPECT_EQ(fast, events());
}

TEST_F(OutputRecordTest, MarksPiecesOfALineForOldClients) {
  std::string piece(LineSplitter::kPieceBytes, 'x');
  OutputRecord out(journal_, OutputKind::out, Terminators::strip);
  out.take(piece + "rest\n", false);
  std::string fast = events();
  journal_ = std::make_shared<Journal>(loop_.executor());
  journal_->append(stdout_event(piece, true));
  journal_->append(stdout_event("rest"));
  EXPECT_EQ(fast, events());
}

TEST_F(OutputRecordTest, TellsWhenItsReaderIsBehind) {
  OutputRecord out(journal_, OutputKind::out, Terminators::keep);
  Journal::Reader reader(journal_, 0);
  EXPECT_FALSE(out.congested());
  out.take(std::string(2 * Journal::kCongestedBytes, 'x'), false);
  EXPECT_TRUE(out.congested());
}

}  // namespace
}  // namespace osb::execd
