#include <thread>

#include "world.h"

namespace opensandbox {

using TerminalTest = World;

static std::string read_until(Terminal& terminal, const std::string& wanted) {
  std::string printed;
  while (printed.find(wanted) == printed.npos) {
    auto output = terminal.read(20s);
    if (!output) break;
    printed += output->data;
  }
  return printed;
}

TEST_F(TerminalTest, runs_a_command_and_tells_its_status) {
  auto terminal = sandbox().terminals().open("echo $TERM; exit 3");
  EXPECT_THAT(read_until(terminal, "\n"), testing::HasSubstr("xterm-256color"));
  EXPECT_EQ(terminal.wait(), 3);
  EXPECT_TRUE(terminal.ended());
}

TEST_F(TerminalTest, is_typed_into_resized_and_signalled) {
  auto terminal = sandbox().terminals().open({}, "/tmp", {.columns = 100, .rows = 40});
  terminal.write("stty size\n");
  EXPECT_THAT(read_until(terminal, "40 100"), testing::HasSubstr("40 100"));
  terminal.resize(120, 50);
  terminal.write("stty size; sleep 600\n");
  EXPECT_THAT(read_until(terminal, "50 120"), testing::HasSubstr("50 120"));
  EXPECT_EQ(terminal.role(), "holder");
  std::this_thread::sleep_for(200ms);
  terminal.signal("SIGINT");
  terminal.write("echo a''live; exit 5\n");
  EXPECT_THAT(read_until(terminal, "alive"), testing::HasSubstr("alive"));
  EXPECT_EQ(terminal.wait(), 5);
  EXPECT_EQ(code_of([&] { terminal.signal("SIGSTOP"); }), ErrorCode::invalid_argument);
}

TEST_F(TerminalTest, is_found_again_with_what_was_missed) {
  auto terminals = sandbox().terminals();
  auto id = terminals.create();
  uint64_t offset = 0;
  {
    auto first = terminals.connect(id);
    EXPECT_EQ(code_of([&] { terminals.connect(id); }), ErrorCode::conflict);
    first.write("echo b''efore\n");
    read_until(first, "before");
    offset = first.offset();
    first.write("sleep 0.3; echo m''issed\n");
  }
  std::this_thread::sleep_for(600ms);
  auto second = terminals.connect(id, {.since = offset, .takeover = true});
  auto printed = read_until(second, "missed\r\n");
  EXPECT_THAT(printed, testing::HasSubstr("missed\r\n"));
  EXPECT_THAT(printed, testing::Not(testing::HasSubstr("before")));
  auto taken = terminals.connect(id, {.takeover = true});
  EXPECT_EQ(code_of([&] { second.wait(); }), ErrorCode::conflict);
  EXPECT_TRUE(terminals.info(id).running);
  terminals.remove(id);
  EXPECT_EQ(taken.wait(), -1);
  EXPECT_EQ(code_of([&] { terminals.info(id); }), ErrorCode::not_found);
}

TEST_F(TerminalTest, gives_pipes_with_two_streams_and_an_end) {
  auto terminal = sandbox().terminals().open("cat; echo err >&2", {}, {.terminal = false});
  terminal.write("piped");
  terminal.end_input();
  std::string out, err;
  while (auto output = terminal.read(20s)) (output->is_error ? err : out) += output->data;
  EXPECT_EQ(out, "piped");
  EXPECT_EQ(err, "err\n");
  EXPECT_EQ(terminal.exit_code(), 0);
}

TEST_F(TerminalTest, stops_being_read) {
  auto terminal = sandbox().terminals().open("sleep 600");
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  EXPECT_EQ(code_of([&] { terminal.wait(stop.get_token()); }), ErrorCode::cancelled);
}

}  // namespace opensandbox
