// Code contexts as clients meet them: real requests through the routes, real Python processes behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/json_text.h"
#include "execd/code/code_routes.h"
#include "execd/code/contexts.h"
#include "execd/code/python_launcher.h"
#include "execd/execution_routes.h"
#include "http/router.h"
#include "http/status.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr milliseconds kDeadline{30'000};  // only a hang reaches it

class Body : public http::BodyReader {
 public:
  explicit Body(std::string text) : text_(std::move(text)) {}
  net::task<size_t> read_some(std::span<char>) override { throw Error(ErrorCode::internal, "not used"); }
  net::task<std::string> read_all(uint64_t) override { co_return text_; }
  std::optional<uint64_t> content_length() const override { return text_.size(); }

 private:
  std::string text_;
};

// Takes an answer down. A slow client is one whose writes wait for resume(); a gone one makes them fail.
class Client : public http::ResponseWriter {
 public:
  explicit Client(net::asio::any_io_executor executor) : changed(executor) {}

  net::task<> send(http::Response response) override {
    status = response.status;
    body = std::move(response.body);
    done = true;
    changed.notify();
    co_return;
  }
  void start(int code, http::Headers given) override {
    status = code;
    headers = std::move(given);
  }
  net::task<> write(std::string_view bytes) override {
    while (slow) co_await changed.wait();
    if (gone) throw Error(ErrorCode::unavailable, "the client is gone");
    if (keep) body += bytes;
    received += bytes.size();
    changed.notify();
  }
  net::task<> flush_head() override { co_return; }
  net::task<> finish(std::string_view last) override {
    co_await write(last);
    done = true;
    changed.notify();
  }
  bool started() const override { return status != 0; }
  void add_header(std::string, std::string) override {}
  std::unique_ptr<net::Stream> upgrade(std::string&) override { return nullptr; }
  net::Stream& stream() override { throw Error(ErrorCode::internal, "not used"); }
  void sent_directly(uint64_t) override {}

  std::vector<json::Value> events() const {
    std::vector<json::Value> list;
    size_t at = 0;
    while (at < body.size()) {
      size_t end = body.find("\n\n", at);
      if (end == std::string::npos) break;
      json::Value event = json::parse(std::string_view(body).substr(at, end - at));
      if (event.at("type") != "ping") list.push_back(event);
      at = end + 2;
    }
    return list;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> list;
    for (const json::Value& event : events()) list.emplace_back(event.at("type").as_string());
    return list;
  }
  // All text of one type of event.
  std::string text(std::string_view type) const {
    std::string all;
    for (const json::Value& event : events())
      if (event.at("type").as_string() == type) all += event.at("text").as_string();
    return all;
  }
  std::string result() const {
    for (const json::Value& event : events())
      if (event.at("type") == "result") return std::string(event.at("results").at("text").as_string());
    return "<none>";
  }
  std::string error(const char* member) const {
    for (const json::Value& event : events())
      if (event.at("type") == "error") return std::string(event.at("error").at(member).as_string());
    return "<none>";
  }
  json::Value json() const { return json::parse(body); }

  net::Event changed;
  int status = 0;
  http::Headers headers;
  std::string body;
  size_t received = 0;
  bool done = false, slow = false, gone = false, keep = true;
};

class Code : public ::testing::Test {
 protected:
  Code() { open({}); }
  ~Code() override { close(); }

  void open(std::map<std::string, std::string> more) {
    std::map<std::string, std::string> env{{"PATH", ::getenv("PATH")}, {"LANG", "C.UTF-8"}, {"HOME", "/tmp"}};
    for (auto& [name, value] : more) env[name] = value;
    CodeContexts::Options options;
    for (auto& [name, value] : env) options.env.push_back(name + "=" + value);
    options.cwd = std::filesystem::temp_directory_path();
    options.limits.start_time = start_time_;
    router_.emplace();
    executions_.emplace(loop_.executor());
    retries_.emplace(loop_.executor(), *executions_);
    contexts_.emplace(loop_.executor(), *reaper_, *executions_, options);
    add_code_routes(*router_, *contexts_, *retries_);
    add_resume_routes(*router_, *executions_);
  }
  void close() {
    router_.reset();
    contexts_.reset();
    retries_.reset();
    executions_.reset();
  }

  net::task<> serve(std::string method, std::string path, std::string query, std::string text,
                    std::shared_ptr<Client> client) {
    Body body(std::move(text));
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.raw_query = std::move(query);
    request.query = http::Query(request.raw_query);
    request.body = &body;
    const http::Handler* handler = nullptr;
    std::vector<std::string_view> allowed;
    EXPECT_EQ(router_->find(request, handler, allowed), http::Router::Match::found) << request.path;
    http::Response failure;
    try {
      co_await (*handler)(request, *client);
    } catch (const Error& error) {
      failure.status = http::status_of(error);
      failure.body =
          R"({"code":)" + json_string(error.wire()) + R"(,"message":)" + json_string(error.message()) + "}";
    }
    if (failure.status != 200) co_await client->send(failure);
  }

  // Starts a request; the loop goes on with it whenever it runs.
  std::shared_ptr<Client> start(std::string method, std::string path, std::string query = {},
                                std::string body = {}, std::shared_ptr<Client> client = nullptr) {
    if (!client) client = std::make_shared<Client>(loop_.executor());
    net::spawn(loop_.executor(), "request", serve(method, path, query, body, client));
    return client;
  }
  std::shared_ptr<Client> start_run(std::string id, std::string code,
                                    std::shared_ptr<Client> client = nullptr) {
    return start("POST", "/code", {}, run_body(id, code), client);
  }
  template <class F>
  void wait(std::shared_ptr<Client> client, F until) {
    auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!until() && std::chrono::steady_clock::now() < end)
      loop_.run_until_done([](std::shared_ptr<Client> c) -> net::task<> {
        co_await c->changed.wait_for(milliseconds(5));
      }(client));
    ASSERT_TRUE(until()) << client->body.substr(0, 2000);
  }
  void finish(std::shared_ptr<Client> client) {
    wait(client, [&] { return client->done; });
  }
  std::shared_ptr<Client> call(std::string method, std::string path, std::string query = {},
                               std::string body = {}) {
    auto client = start(method, path, query, body);
    finish(client);
    return client;
  }
  std::shared_ptr<Client> run(std::string id, std::string code) {
    auto client = start_run(id, code);
    finish(client);
    return client;
  }
  std::string create() {
    auto answer = call("POST", "/code/context", {}, R"({"language":"python"})");
    EXPECT_EQ(answer->status, 200) << answer->body;
    return std::string(answer->json().at("id").as_string());
  }
  // Lets the loop work for a while.
  void pass(milliseconds time) {
    loop_.run_until_done([](milliseconds t) -> net::task<> { co_await net::sleep_for(t); }(time));
  }
  static std::string run_body(const std::string& id, const std::string& code) {
    std::string named = id.empty() ? "" : R"(,"id":)" + json_string(id);
    return R"({"code":)" + json_string(code) + R"(,"context":{"language":"python")" + named + "}}";
  }
  static std::string context_body(const std::string& cwd) {
    return R"({"language":"python","cwd":)" + json_string(cwd) + "}";
  }
  pid_t pid_of(const std::string& id) {
    return static_cast<pid_t>(std::stol(run(id, "import os; os.getpid()")->result()));
  }
  bool gone(pid_t pid) {
    for (int i = 0; i < 500; ++i) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string line;
      if (!std::getline(stat, line) || line.find(") Z ") != std::string::npos) return true;
      pass(milliseconds(10));
    }
    return false;
  }

  milliseconds start_time_ = kDeadline;
  net::Loop loop_;
  std::optional<Reaper> reaper_{std::in_place, loop_.executor()};
  std::optional<Executions> executions_;
  std::optional<Retries> retries_;
  std::optional<CodeContexts> contexts_;
  std::optional<http::Router> router_;
};

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

TEST_F(Code, DeathIsAnErrorEventAtOnce) {
  std::string id = create();
  auto died = run(id, "import os\nprint('last words', flush=True)\nos._exit(3)");
  EXPECT_EQ(died->text("stdout"), "last words\n");
  EXPECT_EQ(died->error("ename"), "KernelDied");
  EXPECT_THAT(died->error("evalue"), HasSubstr("exit status 3"));
  EXPECT_THAT(died->types(), ElementsAre("init", "stdout", "status", "error"));
  auto later = run(id, "1");
  EXPECT_EQ(later->error("ename"), "KernelDied");
  EXPECT_THAT(later->error("evalue"), HasSubstr("create a new context"));
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);

  std::string other = create();
  EXPECT_THAT(run(other, "import os; os.kill(os.getpid(), 9)")->error("evalue"), HasSubstr("killed"));
  std::string idle = create();
  pid_t pid = pid_of(idle);
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(gone(pid));
  pass(milliseconds(50));
  EXPECT_EQ(run(idle, "1")->error("ename"), "KernelDied");
}

TEST_F(Code, ARunThatWasCompleteBeforeTheDeathIsComplete) {
  for (int i = 0; i < 20; ++i) {
    std::string id = create();
    auto answer =
        run(id,
            "import os\nchannel = display.__self__.channel\nsend = channel.send\ndef last(message):\n"
            "  send(message)\n  if message['type'] == 'execute_reply': os._exit(0)\n"
            "channel.send = last\n5");
    EXPECT_EQ(answer->result(), "5");
    EXPECT_EQ(answer->types().back(), "execution_complete");
  }
}

TEST_F(Code, ADeadDefaultContextStartsAfresh) {
  std::string id = run("", "x = 1")->text("init");
  auto died = run("", "import os; os.abort()");
  EXPECT_EQ(died->error("ename"), "KernelDied");
  EXPECT_THAT(died->error("evalue"), HasSubstr("starts afresh"));
  auto next = run("", "'x' in globals()");
  EXPECT_EQ(next->result(), "False");
  EXPECT_NE(next->text("init"), id);
  EXPECT_EQ(call("GET", "/code/contexts")->json().as_array().size(), 1u);
}

TEST_F(Code, AClosedChannelIsADeath) {
  std::string id = create();
  pid_t pid = pid_of(id);
  auto answer = run(id, "import os, time\nos.closerange(3, 64)\ntime.sleep(60)");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_TRUE(gone(pid));
}

TEST_F(Code, NonsenseOnTheChannelIsADeath) {
  std::string id = create();
  auto answer = run(
      id,
      "import os, socket, time\nfor f in os.listdir('/proc/self/fd'):\n  try:\n"
      "    socket.socket(fileno=os.dup(int(f))).send(b'nonsense!')\n  except OSError: pass\ntime.sleep(60)");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("reading a message of a worker"));
}

TEST_F(Code, PrintedFramesAreJustText) {
  std::string id = create();
  auto answer = run(id, R"(print('\x00\x00\x00\x1e\x03{"type":"execute_reply","run":1}'))"
                        "\n7");
  EXPECT_EQ(answer->result(), "7");
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
           {"POST", "/code", R"({"code":"1"})", 400, "NOT_SUPPORTED", "/command"},
           {"POST", "/code", R"({"code":"1","context":{"language":"command"}})", 400, "NOT_SUPPORTED",
            "/command"},
           {"POST", "/code", R"({"code":"1","context":{"language":"cobol"}})", 400, "",
            "unknown language: cobol"},
           {"POST", "/code", R"({"code":"1","context":{"language":"java"}})", 400, "NOT_SUPPORTED",
            "java is not available"},
           {"POST", "/code", R"({"code":"1","context":{"id":"none"}})", 404, "CONTEXT_NOT_FOUND", "none"},
           {"POST", "/code/context", "{}", 400, "", "language: required"},
           {"POST", "/code/context", R"({"language":"cobol"})", 400, "", "unknown language: cobol"},
           {"POST", "/code/context", R"({"language":"bash"})", 400, "NOT_SUPPORTED", "bash is not available"},
           {"DELETE", "/code/contexts", "", 400, "MISSING_QUERY", "language"},
       }) {
    auto answer = call(c.method, c.path, {}, c.body);
    EXPECT_EQ(answer->status, c.status) << c.path << " " << c.body << " → " << answer->body;
    EXPECT_EQ(answer->json().at("code"), c.code) << answer->body;
    EXPECT_THAT(std::string(answer->json().at("message").as_string()), HasSubstr(c.says));
  }
  EXPECT_EQ(call("GET", "/code/contexts", "language=sql")->status, 400);
}

TEST_F(Code, AnImageWithoutPythonSaysSo) {
  close();
  open({{"PATH", "/nonexistent"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"python"})");
  EXPECT_EQ(answer->status, 501);
  EXPECT_THAT(answer->body, HasSubstr("python is not available in this image"));
  EXPECT_EQ(call("GET", "/code/contexts")->body, "[]");
}

TEST_F(Code, ABrokenInterpreterIsPassedOver) {
  std::string dir = std::filesystem::temp_directory_path() / ("osb-python-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/python3.99") << "#!/bin/sh\necho broken >&2\nexit 1\n";
  std::filesystem::permissions(dir + "/python3.99", std::filesystem::perms(0755));
  close();
  open({{"PATH", dir + ":" + ::getenv("PATH")}, {"PYTHON_VERSION", "3.99.1"}});
  EXPECT_EQ(run("", "1")->result(), "1");
  close();
  open({{"PATH", dir}, {"PYTHON_VERSION", "3.99.1"}});
  EXPECT_THAT(run("", "1")->body, HasSubstr("broken"));
  std::filesystem::remove_all(dir);
}

TEST(PythonCandidates, PreferTheWantedVersion) {
  EXPECT_THAT(python_candidates({"A=b"}), ElementsAre("python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=3.11"}), ElementsAre("python3.11", "python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=3.11.7"}), ElementsAre("python3.11", "python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=3"}), ElementsAre("python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=../x"}), ElementsAre("python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION="}), ElementsAre("python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=."}), ElementsAre("python3", "python"));
  EXPECT_THAT(python_candidates({"PYTHON_VERSION=3."}), ElementsAre("python3", "python"));
}

TEST_F(Code, ContextsOutliveTheirZygoteAndNewOnesGetANewOne) {
  std::string id = create();
  run(id, "x = 1");
  pid_t zygote = static_cast<pid_t>(std::stol(run(id, "import os; os.getppid()")->result()));
  ::kill(zygote, SIGKILL);
  EXPECT_TRUE(gone(zygote));
  EXPECT_EQ(run(id, "x")->result(), "1");
  std::string other = create();
  EXPECT_EQ(run(other, "2")->result(), "2");
  auto died = run(id, "import os; os._exit(0)");
  EXPECT_EQ(died->error("ename"), "KernelDied");
}

TEST_F(Code, AContextWithoutItsZygoteStillTakesItsProcessesAlong) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // as execd is: it reaps the context then
  std::string id = create();
  int child = std::stoi(run(id, "import subprocess, os\nsubprocess.Popen(['sleep', '60']).pid")->result());
  pid_t zygote = static_cast<pid_t>(std::stol(run(id, "os.getppid()")->result()));
  ::kill(zygote, SIGKILL);
  EXPECT_TRUE(gone(zygote));
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(child));
}

TEST_F(Code, AZygoteThatHangsIsReplaced) {
  close();
  start_time_ = milliseconds(4000);
  open({});
  std::string id = create();
  pid_t zygote = static_cast<pid_t>(std::stol(run(id, "import os; os.getppid()")->result()));
  ::kill(zygote, SIGSTOP);
  EXPECT_EQ(call("POST", "/code/context", {}, R"({"language":"python"})")->status, 504);
  EXPECT_EQ(run(create(), "2")->result(), "2");
  EXPECT_EQ(run(id, "1")->result(), "1");
  EXPECT_TRUE(gone(zygote));
}

// A process number that is negative is a group to kill(), and the negative of one a single process.
TEST_F(Code, AHostileZygoteCannotNameAVictim) {
  pid_t victim = ::fork();
  if (victim == 0) {
    ::pause();
    ::_exit(0);
  }
  std::string dir = std::filesystem::temp_directory_path() / ("osb-hostile-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/python3.99")
      << "#!/usr/bin/env python3\nimport json, socket, struct\ns = socket.socket(fileno=3)\n"
         "def send(message):\n  data = json.dumps(message).encode()\n"
         "  s.send(struct.pack('>IB', len(data) + 1, 3) + data)\n"
         "send({'type': 'hello', 'pid': 1, 'version': '9'})\n"
         "while True:\n  data = s.recvmsg(70000, 1024)[0]\n  if not data: break\n"
         "  send({'type': 'forked', 'context': json.loads(data[5:])['context'], 'pid': -"
      << victim << "})\n";
  std::filesystem::permissions(dir + "/python3.99", std::filesystem::perms(0755));
  close();
  start_time_ = milliseconds(3000);
  open({{"PATH", dir + ":" + ::getenv("PATH")}, {"PYTHON_VERSION", "3.99"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"python"})");
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("names no process"));
  pass(milliseconds(50));
  EXPECT_EQ(::kill(victim, 0), 0);
  ::kill(victim, SIGKILL);
  std::filesystem::remove_all(dir);
}

// Requests under way are destroyed with the loop, after the contexts: for the address sanitizer.
TEST_F(Code, RequestsUnderWayMayEndAfterTheContexts) {
  start("POST", "/code/context", {}, R"({"language":"python"})");
  start_run("", "1");
  start_run("", "1");
  pass(milliseconds(1));
}

TEST_F(Code, DeletingABusyContextEndsItsStreamAndProcesses) {
  std::string id = create();
  auto client = start_run(id,
                          "import subprocess, os\np = subprocess.Popen(['sleep', '60'])\nprint(p.pid, "
                          "os.getpid(), flush=True)\np.wait()");
  wait(client, [&] { return client->text("stdout").find('\n') != std::string::npos; });
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  finish(client);
  EXPECT_THAT(client->error("evalue"), HasSubstr("deleted"));
  int child = 0, own = 0;
  std::sscanf(client->text("stdout").c_str(), "%d %d", &child, &own);
  EXPECT_TRUE(gone(child));
  EXPECT_TRUE(gone(own));
}

size_t open_fds() {
  auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST_F(Code, NothingIsLeftBehind) {
  std::vector<pid_t> pids;
  create();
  size_t before = 0;
  for (int i = 0; i < 12; ++i) {
    std::string id = create();
    pids.push_back(pid_of(id));
    if (i % 3 == 1) run(id, "import os; os._exit(0)");
    call("DELETE", "/code/contexts/" + id);
    pass(milliseconds(20));
    if (i == 2) before = open_fds();
  }
  EXPECT_EQ(open_fds(), before);
  std::string kept = create();
  pids.push_back(pid_of(kept));
  pids.push_back(static_cast<pid_t>(std::stol(run(kept, "os.getppid()")->result())));
  close();
  for (pid_t pid : pids) EXPECT_TRUE(gone(pid)) << pid;
}

TEST_F(Code, ManyContextsAtOnce) {
  std::vector<std::shared_ptr<Client>> made, runs;
  for (int i = 0; i < 20; ++i) made.push_back(start("POST", "/code/context", {}, R"({"language":"python"})"));
  for (auto& client : made) finish(client);
  for (int i = 0; i < 20; ++i)
    runs.push_back(start_run(std::string(made[static_cast<size_t>(i)]->json().at("id").as_string()),
                             "n = " + std::to_string(i) + "\nn * n"));
  for (int i = 0; i < 20; ++i) {
    finish(runs[static_cast<size_t>(i)]);
    EXPECT_EQ(runs[static_cast<size_t>(i)]->result(), std::to_string(i * i));
  }
}

}  // namespace
}  // namespace osb::execd
