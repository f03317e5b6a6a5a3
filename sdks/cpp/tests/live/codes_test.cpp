#include "world.h"

namespace opensandbox {

using CodesTest = World;

TEST_F(CodesTest, give_values_output_and_errors) {
  auto codes = sandbox().codes();
  auto run = codes.run("print('hi')\n6 * 7");
  EXPECT_EQ(run.stdout_text(), "hi\n");
  ASSERT_EQ(run.results.size(), 1u);
  EXPECT_EQ(run.results[0].text, "42");
  EXPECT_EQ(run.results[0].data.at("text/plain"), "42");
  EXPECT_EQ(run.text(), "hi\n42");
  EXPECT_FALSE(run.exit_code);
  auto failed = codes.run("1 / 0");
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->name, "ZeroDivisionError");
  EXPECT_FALSE(failed.error->traceback.empty());
  EXPECT_EQ(code_of([&] { codes.run(""); }), ErrorCode::invalid_argument);
}

TEST_F(CodesTest, keep_their_state_in_contexts_that_fork_and_go_back) {
  auto codes = sandbox().codes();
  auto context = codes.create_context("python");
  codes.run("x = 5", {.context_id = context.id});
  auto checkpoint = codes.checkpoint(context.id);
  codes.run("x = 6", {.context_id = context.id});
  auto copies = codes.fork(context.id, 2);
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(codes.run("x", {.context_id = copies[1].id}).text(), "6");
  codes.restore(context.id, checkpoint);
  EXPECT_EQ(codes.run("x", {.context_id = context.id}).text(), "5");
  codes.delete_checkpoint(context.id, checkpoint);
  EXPECT_EQ(codes.contexts("python").size(), 3u);
  EXPECT_EQ(codes.context(context.id).language, "python");
  codes.delete_context(copies[0].id);
  codes.delete_contexts("python");
  EXPECT_EQ(code_of([&] { codes.context(context.id); }), ErrorCode::not_found);
}

TEST_F(CodesTest, are_interrupted) {
  auto codes = sandbox().codes();
  auto context = codes.create_context("python");
  auto run = codes.run("import time\nprint('up', flush=True)\ntime.sleep(600)", {.context_id = context.id},
                       {.on_stdout = [&](const Output&) { codes.interrupt(context.id); }});
  ASSERT_TRUE(run.error);
  EXPECT_EQ(run.error->name, "KeyboardInterrupt");
  EXPECT_EQ(codes.run("1 + 1", {.context_id = context.id}).text(), "2");
}

}  // namespace opensandbox
