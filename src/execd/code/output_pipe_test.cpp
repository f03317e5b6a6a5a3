#include "execd/code/output_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "net/loop.h"

namespace osb::execd {
namespace {

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
