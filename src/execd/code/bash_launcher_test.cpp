// Bash contexts through the routes, with real shells.
#include "execd/code/bash_launcher.h"

#include <unistd.h>

#include <chrono>
#include <fstream>

#include "execd/code/code_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

class BashContexts : public Code {
 protected:
  void SetUp() override { language_ = "bash"; }
  std::string out(const std::string& id, const std::string& code) { return run(id, code)->text("stdout"); }
};

TEST_F(BashContexts, KeepVariablesFunctionsDirectoryAndOptions) {
  std::string id = create();
  auto answer =
      run(id, "x=5; f() { echo \"f $1\"; }; cd /; shopt -s extglob; a=(1 2 3); declare -A m=([k]=v)");
  EXPECT_THAT(answer->types(), ElementsAre("init", "execution_complete"));
  EXPECT_EQ(out(id, "echo $x; f 6; pwd; shopt -q extglob && echo on; echo ${a[2]} ${m[k]}"),
            "5\nf 6\n/\non\n3 v\n");
  EXPECT_EQ(out(create(), "echo \"<$x>\"; pwd"),
            "<>\n" + std::filesystem::temp_directory_path().string() + "\n");
}

TEST_F(BashContexts, TellBothStreamsAndTheStatus) {
  std::string id = create();
  auto answer = run(id, "echo one; echo two >&2; false");
  EXPECT_EQ(answer->text("stdout"), "one\n");
  EXPECT_EQ(answer->text("stderr"), "two\n");
  EXPECT_EQ(answer->error("ename"), "CommandExecError");
  EXPECT_EQ(answer->error("evalue"), "1");
  std::vector<std::string> types = answer->types();
  EXPECT_EQ(types[types.size() - 2], "status");
  EXPECT_EQ(types.back(), "error");
  EXPECT_EQ(run(id, "no-such-command")->error("evalue"), "127");
  auto broken = run(id, "if true; then");
  EXPECT_EQ(broken->error("evalue"), "2");
  EXPECT_THAT(broken->text("stderr"), HasSubstr("syntax error"));
}

TEST_F(BashContexts, ExitIsReportedAndTheContextGoesOn) {
  std::string id = create();
  EXPECT_EQ(run(id, "kept=1; g() { echo g; }; exit 3")->error("evalue"), "3");
  EXPECT_EQ(out(id, "echo $kept; g"), "1\ng\n");
  EXPECT_EQ(run(id, "exit")->types().back(), "execution_complete");
  EXPECT_EQ(run(id, "set -e; false; echo not")->error("evalue"), "1");
  EXPECT_EQ(run(id, "kill -9 $$")->types().back(), "error");
  EXPECT_EQ(out(id, "echo $kept"), "1\n");
}

TEST_F(BashContexts, InterruptsKeepTheContext) {
  std::string id = create();
  run(id, "kept=1; cd /");
  for (const char* code :
       {"echo on; sleep 60", "echo on; while :; do :; done", "echo on; sleep 60 | cat; echo not",
        "echo on; for i in 1 2 3; do sleep 60; done"}) {
    auto client = start_run(id, code);
    wait(client, [&] { return client->text("stdout") == "on\n"; });
    EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
    finish(client);
    EXPECT_EQ(client->error("ename"), "KeyboardInterrupt") << code;
    EXPECT_EQ(out(id, "echo $kept; pwd"), "1\n/\n") << code;
  }
}

// Regression: a child that bash has forked and that SIGINT meets before its program runs, as those of a pipe
// do, ran the trap that reports the state of the shell. Reports of two at once got mixed, and the state was
// lost.
TEST_F(BashContexts, AChildDoesNotReportTheStateOfItsShell) {
  std::string id = create();
  run(id, "kept=2; trap=$(trap -p EXIT); (eval \"eval ${trap:8:-5}\"); kill -9 $$");
  EXPECT_EQ(out(id, "echo $kept"), "\n") << "a shell that is killed reports nothing";
}

TEST_F(BashContexts, OneRunAtATime) {
  std::string id = create();
  auto first = start_run(id, "echo on; sleep 60");
  wait(first, [&] { return first->text("stdout") == "on\n"; });
  EXPECT_EQ(run(id, "echo two")->error("ename"), "ContextBusy");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  finish(first);
  EXPECT_EQ(first->types().back(), "error");
}

TEST_F(BashContexts, PlantedFilesHaveNoEffect) {
  std::string place = std::filesystem::temp_directory_path() / ("osb-bash-" + std::to_string(::getpid()));
  std::filesystem::create_directories(place);
  close();
  open({{"HOME", place}, {"EXECD_ENVS", place + "/envs"}});
  std::string id = create();
  run(id,
      "cd; echo 'planted=1' >.bashrc; cp .bashrc .profile; cp .bashrc evil; echo \"BASH_ENV=$HOME/evil\" "
      ">envs; "
      "export BASH_ENV=$HOME/evil");
  EXPECT_EQ(out(create(), "echo \"<$planted$BASH_ENV>\"; bash -c 'echo \"<$planted>\"'"), "<>\n<>\n");
  std::filesystem::remove_all(place);
}

TEST_F(BashContexts, RunCompleteScripts) {
  std::string id = create();
  EXPECT_EQ(
      out(id,
          "#!/bin/bash\nset -u\nmain() {\n  local n\n  for n in {1..3}; do\n    printf '%s ' \"$n\"\n  done\n"
          "  cat <<'END'\nhere 'quoted' $x\nEND\n}\nmain \"$@\"\n"),
      "1 2 3 here 'quoted' $x\n");
  EXPECT_EQ(out(id, "echo \"it's\"; x=$(cat <<E\na\nE\n); echo \"$x\""), "it's\na\n");
  EXPECT_EQ(out(id, "read -r line; echo \"<$line>\""), "<>\n");
}

TEST_F(BashContexts, StandHostileCode) {
  std::string id = create();
  EXPECT_THAT(out(id, "printf 'end\\0%s\\0' x; printf '\\377\\n'"), HasSubstr("end"));
  EXPECT_EQ(run(id, "kept=1; exec 3>&- 4>&-")->types().back(), "execution_complete");
  EXPECT_EQ(run(id, "exec 201>&-")->types().back(), "error") << "where it tells about itself";
  EXPECT_EQ(out(id, "echo fine"), "fine\n");
  EXPECT_EQ(out(id, "echo " + std::string(1'000'000, 'x') + " | wc -c"), "1000001\n");
  EXPECT_EQ(run(id, "exec 1>&- 2>&-")->types().back(), "execution_complete");
  EXPECT_EQ(out(create(), "echo fine"), "fine\n");
}

}  // namespace
}  // namespace osb::execd
