#include <thread>

#include "world.h"

namespace opensandbox {

using CommandsTest = World;

TEST_F(CommandsTest, stream_what_they_print) {
  std::string order, out, err;
  Handlers handlers;
  handlers.on_init = [&](const ExecutionInit& init) {
    EXPECT_FALSE(init.execution_id.empty());
    order += 'i';
  };
  handlers.on_stdout = [&](const Output& output) {
    out += output.text;
    order += 'o';
  };
  handlers.on_stderr = [&](const Output& output) {
    EXPECT_TRUE(output.is_error);
    err += output.text;
  };
  handlers.on_complete = [&](const ExecutionComplete&) { order += 'c'; };
  auto run = sandbox().commands().run("echo one; echo two; echo three >&2; printf end", {}, handlers);
  EXPECT_EQ(out, "one\ntwo\nend");
  EXPECT_EQ(err, "three\n");
  EXPECT_EQ(order, "ioooc");
  EXPECT_EQ(run.stdout_text(), out);
  EXPECT_EQ(run.stderr_text(), err);
  EXPECT_EQ(run.exit_code, 0);
}

TEST_F(CommandsTest, tell_how_they_failed) {
  std::string value;
  auto run = sandbox().commands().run(
      "exit 3", {}, {.on_error = [&](const ExecutionError& error) { value = error.value; }});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(value, "3");
  ASSERT_TRUE(run.error);
  EXPECT_EQ(run.error->name, "CommandExecError");
  auto late = sandbox().commands().run("sleep 60", {.timeout = 200ms});
  EXPECT_EQ(late.exit_code, -1);
  EXPECT_EQ(code_of([&] { sandbox().commands().run(" "); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { sandbox().commands().run("true", {.working_directory = "/no/such"}); }),
            ErrorCode::refused);
}

TEST_F(CommandsTest, get_arguments_environment_directory_and_user) {
  auto commands = sandbox().commands();
  EXPECT_EQ(commands.run(std::vector<std::string>{"printf", "%s|", "a b", "", "$x"}).text(), "a b||$x|");
  EXPECT_EQ(commands.run("echo $A; pwd", {.working_directory = "/usr", .env = {{"A", "it's"}}}).text(),
            "it's\n/usr");
  EXPECT_EQ(commands.run("id -u; id -g", {.uid = 65534, .gid = 65534}).text(), "65534\n65534");
  commands.set_env("GREETING", "it's \"me\"");
  EXPECT_EQ(commands.run("echo $GREETING").text(), "it's \"me\"");
}

TEST_F(CommandsTest, run_in_the_background_and_are_looked_at) {
  auto commands = sandbox().commands();
  auto run = commands.run("echo begun; sleep 0.2; echo done", {.background = true});
  EXPECT_FALSE(run.exit_code);
  while (commands.status(run.id).running) std::this_thread::sleep_for(20ms);
  auto status = commands.status(run.id);
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_TRUE(status.started_at && status.finished_at);
  auto logs = commands.logs(run.id);
  EXPECT_EQ(logs.content, "begun\ndone\n");
  ASSERT_TRUE(logs.cursor);
  EXPECT_EQ(commands.logs(run.id, *logs.cursor).content, "");
  auto forever = commands.run("sleep 600", {.background = true});
  commands.interrupt(forever.id);
  EXPECT_FALSE(commands.status(forever.id).running);
}

TEST_F(CommandsTest, are_resumed_by_their_id) {
  auto commands = sandbox().commands();
  auto run = commands.run("echo one; echo two");
  EXPECT_EQ(commands.resume(run.execution_id).stdout_text(), "one\ntwo\n");
  EXPECT_EQ(commands.resume(run.execution_id, run.last_event - 1).stdout_text(), "");
  EXPECT_EQ(code_of([&] { commands.resume("no-such-run"); }), ErrorCode::not_found);
}

TEST_F(CommandsTest, stop_being_waited_for_and_go_on) {
  std::stop_source stop;
  std::string id;
  auto begun = std::chrono::steady_clock::now();
  auto code = code_of([&] {
    sandbox().commands().run("echo up; sleep 600", {},
                             {.on_stdout = [&](const Output&) { stop.request_stop(); },
                              .on_init = [&](const ExecutionInit& init) { id = init.execution_id; }},
                             stop.get_token());
  });
  EXPECT_EQ(code, ErrorCode::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 60s);
  EXPECT_TRUE(sandbox().commands().status(id).running);
  sandbox().commands().interrupt(id);
}

TEST_F(CommandsTest, end_the_call_when_a_handler_throws) {
  EXPECT_THROW(sandbox().commands().run(
                   "echo x", {}, {.on_stdout = [](const Output&) { throw std::runtime_error("mine"); }}),
               std::runtime_error);
  EXPECT_EQ(sandbox().commands().run("echo y").text(), "y");
}

TEST_F(CommandsTest, print_much_and_keep_every_byte) {
  size_t size = 0;
  Handlers handlers{.on_stdout = [&](const Output& output) { size += output.text.size(); }};
  handlers.keep_output = false;
  auto run = sandbox().commands().run("head -c 5000000 /dev/zero | tr '\\0' x; echo; seq 100000 | wc -l", {},
                                      handlers);
  EXPECT_EQ(size, 5'000'000u + 1 + 7);
  EXPECT_TRUE(run.stdout_parts.empty());
}

TEST_F(CommandsTest, keep_their_state_in_sessions) {
  auto commands = sandbox().commands();
  auto session = commands.create_session("/tmp");
  commands.run_in_session(session, "x=1; cd /usr");
  EXPECT_EQ(commands.run_in_session(session, "echo $x; pwd").text(), "1\n/usr");
  EXPECT_EQ(commands.run_in_session(session, "exit 4").exit_code, 4);
  commands.delete_session(session);
  EXPECT_EQ(code_of([&] { commands.run_in_session(session, "true"); }), ErrorCode::not_found);
}

}  // namespace opensandbox
