// JavaScript and TypeScript contexts through the routes, with real Node processes, and which Node is used.
#include "execd/code/node_language.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "execd/code/code_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

class NodeContexts : public Code {
 protected:
  void SetUp() override {
    language_ = "javascript";
    std::error_code error;
    if (node_candidates({{"PATH", ::getenv("PATH")}}).empty()) GTEST_SKIP() << "this machine has no Node";
  }
  pid_t pid(const std::string& id) { return static_cast<pid_t>(std::stol(run(id, "process.pid")->result())); }
};

TEST_F(NodeContexts, KeepStateAndGiveResults) {
  std::string id = create();
  EXPECT_EQ(run(id, "const x = 20; function f(n) { return n + 1 }")->types().back(), "execution_complete");
  auto answer = run(id, "console.log('out'); console.error('err'); f(x)");
  EXPECT_EQ(answer->result(), "21");
  EXPECT_EQ(answer->text("stdout"), "out\n");
  EXPECT_EQ(answer->text("stderr"), "err\n");
  auto failed = run(id, "const x = 21\nnull.y");
  EXPECT_EQ(failed->error("ename"), "TypeError");
  EXPECT_THAT(failed->body, HasSubstr("cell 3\\u003e:2:6"));
  EXPECT_EQ(run(id, "await Promise.resolve(x)")->result(), "21");
  EXPECT_EQ(run("", "typeof x")->result(), "'undefined'");
}

TEST_F(NodeContexts, KeepTheOrderOfPrintsAndDisplays) {
  auto answer = run(create(), "for (let i = 0; i < 50; i++) { console.log('p' + i); display(i) }");
  std::vector<std::string> types = answer->types();
  ASSERT_EQ(types.size(), 102u);
  for (size_t i = 1; i < 101; ++i) EXPECT_EQ(types[i], i % 2 ? "stdout" : "result") << i;
}

TEST_F(NodeContexts, AreInterruptedWhateverTheyDo) {
  std::string id = create();
  run(id, "var kept = 1");
  for (const char* code :
       {"console.log('on'); while (true) {}", "console.log('on'); await new Promise(() => {})",
        "console.log('on'); await 1; while (true) {}",
        "require('child_process').execSync('echo on; sleep 60', {stdio: 'inherit'})"}) {
    SCOPED_TRACE(code);
    auto client = start_run(id, code);
    wait(client, [&] { return client->text("stdout") == "on\n"; });
    EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
    finish(client);
    EXPECT_EQ(client->error("ename"), "KeyboardInterrupt") << code;
    EXPECT_EQ(run(id, "kept")->result(), "1");
  }
}

TEST_F(NodeContexts, WithstandAStormOfInterrupts) {
  std::string id = create();
  run(id, "var kept = 1");
  for (int i = 0; i < 40; ++i) {
    auto client =
        start_run(id, i % 2 ? "for (const end = Date.now() + 10; Date.now() < end;) {}"
                            : "for (let i = 0; i < 20; i++) await new Promise(r => setTimeout(r, 0))");
    while (!client->done) {
      start("DELETE", "/code", "id=" + id);
      pass(milliseconds(1));
    }
  }
  EXPECT_EQ(run(id, "kept")->result(), "1");
}

TEST_F(NodeContexts, AnswerToExitAndDieOfAbort) {
  std::string id = create();
  auto left = run(id, "var kept = 1; process.exit(3)");
  EXPECT_EQ(left->error("ename"), "ProcessExit");
  EXPECT_EQ(run(id, "kept")->result(), "1");
  EXPECT_EQ(run(id, "process.abort()")->error("ename"), "KernelDied");
  EXPECT_EQ(run(id, "1")->error("ename"), "KernelDied");
}

TEST_F(NodeContexts, WhatAContextPlantsDoesNotReachTheNextOne) {
  std::string id = create();
  run(id, "process.env.NODE_OPTIONS = '--require /nonexistent.js'; process.env.BASH_ENV = '/x'");
  EXPECT_EQ(run(create(), "[process.env.NODE_OPTIONS, process.env.BASH_ENV]")->result(),
            "[ undefined, undefined ]");
}

TEST_F(NodeContexts, ClosedAndGarbledChannelsAreDeaths) {
  for (const char* code : {"require('fs').closeSync(4); await new Promise(r => setTimeout(r, 60000))",
                           "require('fs').closeSync(3); await new Promise(r => setTimeout(r, 60000))",
                           "require('fs').writeSync(4, 'nonsense!'.repeat(9)); while (true) {}"})
    EXPECT_EQ(run(create(), code)->error("ename"), "KernelDied") << code;
  auto answer = run(create(), R"(console.log('\x00\x00\x00\x1e\x03{"type":"execute_reply","run":1}'); 7)");
  EXPECT_EQ(answer->result(), "7");
}

TEST_F(NodeContexts, StandABigOutput) {
  std::string id = create();
  auto client = std::make_shared<Client>(loop_.executor());
  client->keep = false;
  start_run(id, "const line = 'x'.repeat(65535); for (let i = 0; i < 1600; i++) console.log(line)", client);
  finish(client);
  EXPECT_GT(client->received, 100'000'000u);
  EXPECT_EQ(run(id, "'" + std::string(10'000'000, 'x') + "'.length")->result(), "10000000");
}

TEST_F(NodeContexts, GoWithWhatTheyStarted) {
  std::string id = create();
  pid_t own = pid(id);
  pid_t child =
      static_cast<pid_t>(std::stol(run(id, "require('child_process').spawn('sleep', ['60']).pid")->result()));
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(own));
  EXPECT_TRUE(gone(child));
}

TEST_F(NodeContexts, TakeTypeScript) {
  language_ = "typescript";
  std::string id = create();
  auto answer =
      run(id,
          "const greeting: string = \"Hello from TypeScript!\";\nconsole.log(greeting);\nconst sum = "
          "(a: number, b: number): number => a + b;\nconsole.log(`Sum: ${sum(10, 20)}`);");
  EXPECT_EQ(answer->text("stdout"), "Hello from TypeScript!\nSum: 30\n");
  EXPECT_EQ(run(id, "enum Color { Red, Green }; sum(Color.Green, 1) as number")->result(), "2");
}

TEST_F(NodeContexts, AnImageWithoutTheVersionSaysWhatItHas) {
  close();
  open({{"NODE_VERSION", "3.1"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"javascript"})");
  EXPECT_EQ(answer->status, 501);
  EXPECT_THAT(answer->body, HasSubstr("NODE_VERSION=3.1 is not in this image; it has "));
  close();
  open({{"NODE_VERSION", "3.1"}, {"OPENSANDBOX_IMAGE_KIND", "host"}});
  EXPECT_EQ(run("", "1")->result(), "1");
}

TEST(NodeVersions, ChooseTheNewestThatBeginsLikeTheWantedOne) {
  std::vector<NodeInstallation> nodes{{"/a", "18.20.4"}, {"/b", "20.9.0"}, {"/c", "20.11.1"}, {"/d", ""}};
  EXPECT_EQ(newest_node(nodes, "20")->program, "/c");
  EXPECT_EQ(newest_node(nodes, "20.9")->program, "/b");
  EXPECT_EQ(newest_node(nodes, "18.20.4")->program, "/a");
  EXPECT_EQ(newest_node(nodes, "2"), nullptr);
  EXPECT_EQ(newest_node(nodes, "20.1"), nullptr);
  EXPECT_EQ(newest_node(nodes, "lts"), nullptr);
  EXPECT_EQ(plain_node_version("v20.11.x"), "20.11");
  EXPECT_EQ(plain_node_version("22"), "22");
}

TEST(NodeVersions, AreFoundInTheUsualPlaces) {
  std::string home = std::filesystem::temp_directory_path() / ("osb-node-" + std::to_string(::getpid()));
  std::string folder = home + "/.nvm/versions/node/v18.20.4/bin";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/node") << "#!/bin/sh\n";
  std::filesystem::permissions(folder + "/node", std::filesystem::perms(0755));
  EXPECT_THAT(node_candidates({{"HOME", home}, {"PATH", "relative:/nonexistent"}}),
              ::testing::Contains(NodeInstallation{folder + "/node", "18.20.4"}));
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace osb::execd
