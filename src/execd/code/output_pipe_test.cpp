#include "execd/code/output_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "net/loop.h"

namespace osb::execd {
namespace {

TEST(CompleteUtf8, CutsOnlyUnfinishedCharacters) {
  EXPECT_EQ(complete_utf8(""), 0u);
  EXPECT_EQ(complete_utf8("abc"), 3u);
  EXPECT_EQ(complete_utf8("a\xc3"), 1u);
  EXPECT_EQ(complete_utf8("a\xc3\xa4"), 3u);
  EXPECT_EQ(complete_utf8("a\xe2\x82"), 1u);
  EXPECT_EQ(complete_utf8("a\xe2\x82\xac"), 4u);
  EXPECT_EQ(complete_utf8("\xf0\x9f\x98"), 0u);
  EXPECT_EQ(complete_utf8("\xf0\x9f\x98\x80"), 4u);
  // Bytes that no character begins or goes on with are not waited for.
  EXPECT_EQ(complete_utf8("a\xff"), 2u);
  EXPECT_EQ(complete_utf8("a\xc0"), 2u);
  EXPECT_EQ(complete_utf8("\x80\x80\x80\x80"), 4u);
}

TEST(OutputPipe, DrainTakesWhatWasThereAndTheHeldBytes) {
  net::Loop loop;
  Pipe ends = make_pipe(O_NONBLOCK);
  OutputPipe pipe(loop.executor(), std::move(ends.read));
  ASSERT_EQ(::write(ends.write.get(), "x\xc3", 2), 2);
  std::string out;
  EXPECT_TRUE(pipe.read(out));
  EXPECT_EQ(out, "x");
  pipe.drain(out);
  EXPECT_EQ(out, "x\xc3");
  ASSERT_EQ(::write(ends.write.get(), "yz", 2), 2);
  pipe.drain(out);
  EXPECT_EQ(out, "x\xc3yz");
  EXPECT_TRUE(pipe.read(out));  // nothing there
  ends.write.reset();
  EXPECT_FALSE(pipe.read(out));
  EXPECT_EQ(out, "x\xc3yz");
}

}  // namespace
}  // namespace osb::execd
