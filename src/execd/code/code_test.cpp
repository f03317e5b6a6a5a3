// Contexts, runs and their streams, through the routes.
#include "execd/code/code_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

TEST_F(Code, ContextsAreMadeListedAndDeleted) {
  EXPECT_EQ(call("GET", "/code/contexts")->body, "[]");
  std::string a = create(), b = create();
  EXPECT_EQ(a.size(), 36u);
  std::string listed =
      R"([{"id":")" + a + R"(","language":"python"},{"id":")" + b + R"(","language":"python"}])";
  EXPECT_EQ(call("GET", "/code/contexts")->body, listed);
  EXPECT_EQ(call("GET", "/code/contexts", "language=python")->body, listed);
  EXPECT_EQ(call("GET", "/code/contexts", "language=go")->body, "[]");
  EXPECT_EQ(call("GET", "/code/contexts/" + a)->body, R"({"id":")" + a + R"(","language":"python"})");
  auto deleted = call("DELETE", "/code/contexts/" + a);
  EXPECT_EQ(deleted->status, 200);
  EXPECT_EQ(deleted->body, "");
  auto again = call("DELETE", "/code/contexts/" + a);
  EXPECT_EQ(again->status, 404);
  EXPECT_EQ(again->json().at("code"), "CONTEXT_NOT_FOUND");
  EXPECT_EQ(call("GET", "/code/contexts/" + a)->status, 404);
  EXPECT_EQ(call("DELETE", "/code/contexts", "language=python")->status, 200);
  EXPECT_EQ(call("GET", "/code/contexts")->body, "[]");
  EXPECT_EQ(call("DELETE", "/code/contexts", "language=python")->status, 200);
}

TEST_F(Code, RunsAreStreams) {
  std::string id = create();
  auto answer = run(id, "2 + 2");
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.get("Content-Type"), "text/event-stream");
  EXPECT_THAT(answer->types(), ElementsAre("init", "execution_count", "result", "execution_complete"));
  EXPECT_EQ(answer->text("init"), id);
  EXPECT_EQ(answer->events()[1].at("execution_count").as_int64(), 1);
  EXPECT_EQ(json::serialize(answer->events()[2].at("results")), R"({"text":"4","text/plain":"4"})");
  EXPECT_GE(answer->events()[3].at("execution_time").as_int64(), 1);

  EXPECT_THAT(run(id, "x = 5")->types(), ElementsAre("init", "execution_complete"));
  auto state = run(id, "x");
  EXPECT_EQ(state->result(), "5");
  EXPECT_EQ(state->events()[1].at("execution_count").as_int64(), 3);
  auto printed = run(id, "import sys\nprint('a\\nb')\nprint('e', file=sys.stderr)\nprint('end', end='')");
  EXPECT_EQ(printed->text("stdout"), "a\nb\nend");
  EXPECT_EQ(printed->text("stderr"), "e\n");
  EXPECT_EQ(printed->types().back(), "execution_complete");
}

TEST_F(Code, IndentedBlocksRunInTheDefaultContext) {
  auto answer = run("", R"(
                  import sys
                  print(sys.version)
                  result = 2 + 2
                  result
              )");
  EXPECT_EQ(answer->result(), "4");
  EXPECT_THAT(answer->text("stdout"), HasSubstr("3."));
}

TEST_F(Code, ErrorsAreTheOneTerminalEvent) {
  std::string id = create();
  auto answer = run(id, "print('before')\ndef f():\n    1/0\nf()");
  EXPECT_THAT(answer->types(), ElementsAre("init", "stdout", "status", "error"));
  EXPECT_EQ(answer->error("ename"), "ZeroDivisionError");
  EXPECT_EQ(answer->error("evalue"), "division by zero");
  std::string trace = json::serialize(answer->events().back().at("error").at("traceback"));
  EXPECT_THAT(trace, HasSubstr("1/0"));
  EXPECT_THAT(trace, HasSubstr("line 4"));
  EXPECT_EQ(run(id, "def f(:\n pass")->error("ename"), "SyntaxError");
  EXPECT_EQ(run(id, "import sys; sys.exit(2)")->error("ename"), "SystemExit");
  EXPECT_EQ(run(id, "input()")->error("ename"), "StdinNotImplementedError");
  EXPECT_EQ(run(id, "f.__name__")->result(), "'f'");
}

TEST_F(Code, RichResultsAndDisplaysKeepTheirPlace) {
  std::string id = create();
  auto answer =
      run(id, "class R:\n  def _repr_html_(self): return '<b>x</b>'\n  def __repr__(self): return 'R!'\nR()");
  EXPECT_EQ(json::serialize(answer->events()[2].at("results")),
            json::serialize(json::parse(R"({"text/html":"<b>x</b>","text":"R!","text/plain":"R!"})")));
  auto mixed = run(id, "for i in range(30):\n    print(i)\n    display(i)\n'end'");
  std::string order;
  for (const json::Value& event : mixed->events()) {
    if (event.at("type") == "stdout") order += event.at("text").as_string();
    if (event.at("type") == "result") (order += event.at("results").at("text").as_string()) += ";";
  }
  std::string expected;
  for (int i = 0; i < 30; ++i) expected += std::to_string(i) + "\n" + std::to_string(i) + ";";
  EXPECT_EQ(order, expected + "'end';");
}

TEST_F(Code, OutputArrivesWhileTheCodeRuns) {
  std::string id = create();
  auto client = start_run(id, "import time\nprint('now')\ntime.sleep(60)");
  wait(client, [&] { return client->text("stdout") == "now\n"; });
  EXPECT_FALSE(client->done);
  call("DELETE", "/code", "id=" + id);
  finish(client);
}

TEST_F(Code, OutputOfSubprocessesIsInOrder) {
  std::string id = create();
  for (int i = 0; i < 20; ++i) {
    auto answer =
        run(id, "import subprocess\nprint('a', flush=True)\nsubprocess.run(['echo', 'b'])\nprint('c')");
    EXPECT_EQ(answer->text("stdout"), "a\nb\nc\n");
  }
}

TEST_F(Code, InterruptEndsTheRunAndKeepsTheContext) {
  std::string id = create();
  run(id, "kept = 1");
  auto client = start_run(id, "import time\nprint('go')\ntime.sleep(60)");
  wait(client, [&] { return client->text("stdout") == "go\n"; });
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
  EXPECT_EQ(run(id, "kept")->result(), "1");
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);  // idle
  EXPECT_EQ(run(id, "kept + 1")->result(), "2");
  EXPECT_EQ(call("DELETE", "/code", "id=none")->status, 404);
  EXPECT_EQ(call("DELETE", "/code")->json().at("code"), "MISSING_QUERY");
}

// Until the request has arrived the worker ignores the signal.
TEST_F(Code, AnInterruptRightBehindTheRequestIsNotLost) {
  std::string id = create();
  pid_t pid = pid_of(id);
  ::kill(pid, SIGSTOP);  // it is slow to take the request
  auto client = start_run(id, "while True: pass");
  wait(client, [&] { return !client->types().empty(); });
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
  pass(milliseconds(20));
  ::kill(pid, SIGCONT);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
  EXPECT_EQ(run(id, "1")->result(), "1");
}

// Another thread gets the signal, so the wait of the one that runs the code goes on: as when it comes just
// before.
TEST_F(Code, AnInterruptThatAWaitDoesNotNoticeIsNotLost) {
  std::string id = create();
  auto client = start_run(id,
                          "import signal, threading, time\n"
                          "threading.Thread(target=time.sleep, args=(90,), daemon=True).start()\n"
                          "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nprint('go')\n"
                          "time.sleep(90)");
  wait(client, [&] { return client->text("stdout") == "go\n"; });
  pass(milliseconds(50));
  call("DELETE", "/code", "id=" + id);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
}

TEST_F(Code, ASecondInterruptFollowsAnIgnoredOne) {
  std::string id = create();
  auto client = start_run(id,
                          "import time\ntry:\n  print('go')\n  time.sleep(60)\nexcept KeyboardInterrupt:\n"
                          "  print('no')\n  time.sleep(60)");
  wait(client, [&] { return client->text("stdout") == "go\n"; });
  call("DELETE", "/code", "id=" + id);
  wait(client, [&] { return client->text("stdout") == "go\nno\n"; });
  call("DELETE", "/code", "id=" + id);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
}

TEST_F(Code, ABusyContextSaysSo) {
  std::string id = create();
  auto first = start_run(id, "import time\nprint('go')\ntime.sleep(60)");
  wait(first, [&] { return first->text("stdout") == "go\n"; });
  auto second = run(id, "1");
  EXPECT_EQ(second->status, 200);
  EXPECT_THAT(second->types(), ElementsAre("init", "status", "error"));
  EXPECT_THAT(second->error("evalue"), HasSubstr("session is busy"));
  call("DELETE", "/code", "id=" + id);
  finish(first);
  EXPECT_EQ(run(id, "1")->result(), "1");
}

TEST_F(Code, TheDefaultContextIsOneAndKeepsState) {
  auto first = start_run("", "a = 1"), second = start_run("", "b = 1");
  finish(first);
  finish(second);
  EXPECT_EQ(call("GET", "/code/contexts")->json().as_array().size(), 1u);
  EXPECT_EQ(first->text("init"), second->text("init"));
  EXPECT_EQ(run("", "a")->result(), "1");
  std::string id = first->text("init");
  EXPECT_EQ(run(id, "a")->result(), "1");  // by its id as well
  call("DELETE", "/code/contexts/" + id);
  EXPECT_EQ(run("", "a")->error("ename"), "NameError");
}

TEST_F(Code, TheRunGoesOnWhenTheClientLeaves) {
  std::string id = create();
  auto client = std::make_shared<Client>(loop_.executor());
  client->gone = true;
  start_run(id, "import time\nfor i in range(2000): print('x' * 100)\ntime.sleep(0.2)\ndone = 1", client);
  pass(milliseconds(30));
  EXPECT_EQ(run(id, "1")->error("ename"), "ContextBusy");
  std::shared_ptr<Client> later;
  for (int i = 0; i < 100 && (!later || later->error("ename") == "ContextBusy"); ++i) {
    pass(milliseconds(20));
    later = run(id, "done");
  }
  EXPECT_EQ(later->result(), "1");
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST_F(Code, ASlowClientHoldsTheCodeBackAndLosesNothing) {
  std::string id = create();
  auto client = std::make_shared<Client>(loop_.executor());
  client->slow = true;
  client->keep = false;
  size_t before = resident_bytes();
  start_run(id, "import sys\nfor i in range(60): sys.stdout.write('x' * 1_000_000)", client);
  pass(milliseconds(700));
  EXPECT_FALSE(client->done);
  EXPECT_LT(resident_bytes() - before, 16u << 20);
  client->slow = false;
  client->changed.notify();
  finish(client);
  EXPECT_GT(client->received, 60'000'000u);
  EXPECT_EQ(run(id, "1")->result(), "1");
}

TEST_F(Code, AHugeResultIsCut) {
  std::string id = create();
  auto answer = run(id, "'x' * 25_000_000");
  EXPECT_LT(answer->body.size(), 21'000'000u);  // both keys
  EXPECT_THAT(answer->result().substr(10'000'000), HasSubstr("[cut:"));
}

TEST_F(Code, LongCodeArrives) {
  std::string id = create();
  EXPECT_EQ(run(id, "len('" + std::string(5'000'000, 'a') + "')")->result(), "5000000");
}

TEST_F(Code, WhatIsPrintedBetweenRunsIsDropped) {
  std::string id = create();
  run(id,
      "import threading, time\nstop = False\ndef chat():\n  while not stop: print('chat' * 1000)\n"
      "t = threading.Thread(target=chat); t.start(); time.sleep(0.05)");
  pass(milliseconds(200));  // far more than a pipe holds: the thread must not be stuck
  auto quiet = run(id, "stop = True\nt.join(10)\nt.is_alive()");
  EXPECT_EQ(quiet->result(), "False");
  pass(milliseconds(20));
  EXPECT_EQ(run(id, "print('mine')")->text("stdout"), "mine\n");
}

TEST_F(Code, DirectoriesOfContextsAreMade) {
  std::string dir = std::filesystem::temp_directory_path() / ("osb-code-" + std::to_string(::getpid()));
  auto made = call("POST", "/code/context", {}, context_body(dir + "/a/b"));
  ASSERT_EQ(made->status, 200) << made->body;
  EXPECT_EQ(made->json().at("cwd").as_string(), dir + "/a/b");
  std::string id(made->json().at("id").as_string());
  EXPECT_EQ(run(id, "import os; os.getcwd()")->result(), "'" + dir + "/a/b'");
  std::ofstream(dir + "/file") << "x";
  auto refused = call("POST", "/code/context", {}, context_body(dir + "/file"));
  EXPECT_EQ(refused->status, 400);
  EXPECT_THAT(refused->body, HasSubstr("/file"));
  std::filesystem::remove_all(dir);
}

TEST_F(Code, DirectoriesOfContextsAreExpandedLikeThoseOfCommands) {
  close();
  open({{"PLACE", "/usr"}});
  auto where = [&](const char* cwd) {
    auto made = call("POST", "/code/context", {}, context_body(cwd));
    EXPECT_EQ(made->status, 200) << made->body;
    return run(std::string(made->json().at("id").as_string()), "import os; os.getcwd()")->result();
  };
  EXPECT_EQ(where("~"), "'/tmp'");
  EXPECT_EQ(where("$PLACE/bin/.."), "'/usr'");
  EXPECT_EQ(call("POST", "/code/context", {}, context_body("$NOT_SET_HERE"))->status, 400);
  EXPECT_EQ(call("POST", "/code/context", {}, context_body(std::string("/tmp\0x", 6)))->status, 400);
}

TEST_F(Code, BadRequestsAreRefused) {
  struct Case {
    const char *method, *path, *body;
    int status;
    const char *code, *says;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"POST", "/code", "", 400, "INVALID_REQUEST_BODY", ""},
           {"POST", "/code", "{", 400, "INVALID_REQUEST_BODY", ""},
           {"POST", "/code", "{}", 400, "INVALID_REQUEST_BODY", "code"},
           {"POST", "/code", R"({"code":""})", 400, "INVALID_REQUEST_BODY", "code"},
           {"POST", "/code", R"({"code":1,"context":{"language":"python"}})", 400, "INVALID_REQUEST_BODY",
            "code"},
           {"POST", "/code", R"({"code":"1","context":"python"})", 400, "INVALID_REQUEST_BODY", "context"},
           {"POST", "/code", R"({"code":"1","context":{"language":"sql"}})", 400, "NOT_SUPPORTED", "sql"},
           {"POST", "/code", R"({"code":"1","context":{"language":"cobol"}})", 400, "",
            "unknown language: cobol"},
           {"POST", "/code", R"({"code":"1","context":{"id":"none"}})", 404, "CONTEXT_NOT_FOUND", "none"},
           {"POST", "/code/context", "{}", 400, "", "language: required"},
           {"POST", "/code/context", R"({"language":"cobol"})", 400, "", "unknown language: cobol"},
           {"DELETE", "/code/contexts", "", 400, "MISSING_QUERY", "language"},
       }) {
    auto answer = call(c.method, c.path, {}, c.body);
    EXPECT_EQ(answer->status, c.status) << c.path << " " << c.body << " → " << answer->body;
    EXPECT_EQ(answer->json().at("code"), c.code) << answer->body;
    EXPECT_THAT(std::string(answer->json().at("message").as_string()), HasSubstr(c.says));
  }
  EXPECT_EQ(call("GET", "/code/contexts", "language=sql")->status, 400);
}

}  // namespace
}  // namespace osb::execd
