// Forks, checkpoints and time limits of contexts, through the routes, with real Python processes.
#include <signal.h>
#include <sys/prctl.h>

#include "execd/code/code_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

class Copies : public Code {
 protected:
  Copies() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }  // as execd is: copies are orphans

  std::vector<std::string> fork(const std::string& id, int count = 1) {
    auto answer = call("POST", "/code/contexts/" + id + "/fork", "count=" + std::to_string(count));
    EXPECT_EQ(answer->status, 200) << answer->body;
    std::vector<std::string> ids;
    if (answer->status != 200) return ids;
    json::Value body = answer->json();
    for (const json::Value& one : body.at("contexts").as_array()) ids.emplace_back(one.at("id").as_string());
    return ids;
  }
  std::string checkpoint(const std::string& id) {
    auto answer = call("POST", "/code/contexts/" + id + "/checkpoint");
    EXPECT_EQ(answer->status, 200) << answer->body;
    return answer->status == 200 ? std::string(answer->json().at("checkpoint_id").as_string()) : "";
  }
  std::shared_ptr<Client> restore(const std::string& id, const std::string& checkpoint) {
    return call("POST", "/code/contexts/" + id + "/restore", {},
                R"({"checkpoint_id":)" + json_string(checkpoint) + "}");
  }
  void refuses(const std::string& id, const char* why) {
    auto answer = call("POST", "/code/contexts/" + id + "/fork");
    EXPECT_EQ(answer->status, 409) << answer->body;
    EXPECT_EQ(answer->json().at("code"), "CONTEXT_NOT_FORKABLE");
    EXPECT_THAT(std::string(answer->json().at("message").as_string()), HasSubstr(why));
  }
};

TEST_F(Copies, ForksHaveWhatTheContextHadAndGoTheirOwnWay) {
  std::string id = create();
  run(id,
      "import os\nos.chdir('/usr')\nx = [1]\ndef gen():\n  for i in range(9): yield i\ng = gen()\nnext(g)\n"
      "file = open('/etc/passwd')\nstart = file.read(10)");
  std::vector<std::string> forks = fork(id, 3);
  ASSERT_EQ(forks.size(), 3u);
  EXPECT_EQ(run(id, "x.append(2); next(g); rest = file.read(10); x")->result(), "[1, 2]");
  for (const std::string& copy : forks) {
    EXPECT_EQ(run(copy, "x, next(g), os.getcwd()")->result(), "([1], 1, '/usr')");
    EXPECT_EQ(run(copy, "x.append(3)\nfile.read(10) != start and len(x)")->result(), "2");
  }
  EXPECT_EQ(run(id, "x")->result(), "[1, 2]");
  EXPECT_EQ(run(forks[0], "print('out')")->text("stdout"), "out\n");
  EXPECT_EQ(run(id, "rest == open('/etc/passwd').read(20)[10:]")->result(), "True");
  EXPECT_EQ(call("GET", "/code/contexts")->json().as_array().size(), 4u);
  pid_t first = pid_of(id), copy = pid_of(forks[0]);
  EXPECT_NE(first, copy);
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(first));
  EXPECT_EQ(run(forks[1], "1")->result(), "1");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + forks[0])->status, 200);
  EXPECT_TRUE(gone(copy));
}

TEST_F(Copies, ForksOfForksAndInterruptsWork) {
  std::string id = create();
  run(id, "x = 7");
  std::string second = fork(fork(id).at(0)).at(0);
  EXPECT_EQ(run(second, "x")->result(), "7");
  auto client = start_run(second, "import time\nprint('go')\ntime.sleep(60)");
  wait(client, [&] { return client->text("stdout") == "go\n"; });
  call("DELETE", "/code", "id=" + second);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
  EXPECT_EQ(run(second, "x")->result(), "7");
}

TEST_F(Copies, HowACopyEndsIsTold) {
  std::string copy = fork(create()).at(0);
  int child = std::stoi(run(copy, "import subprocess, os\nsubprocess.Popen(['sleep', '60']).pid")->result());
  auto died = run(copy, "os._exit(3)");
  EXPECT_EQ(died->error("ename"), "KernelDied");
  EXPECT_THAT(died->error("evalue"), HasSubstr("exit status 3"));
  EXPECT_TRUE(gone(child));
}

TEST_F(Copies, UserCodeSeesNoChildren) {
  std::string id = create();
  run(id, "import os, signal\nhits = []\nsignal.signal(signal.SIGCHLD, lambda *a: hits.append(1));");
  fork(id, 2);
  auto answer = run(id, "try:\n  os.wait()\nexcept ChildProcessError: hits.append('none')\nhits");
  EXPECT_EQ(answer->result(), "['none']");
}

TEST_F(Copies, RandomnessIsTheForksOwnAndTheCheckpointsOld) {
  std::string id = create();
  run(id, "import random\nrandom.seed(5)");
  std::string kept = checkpoint(id);
  std::vector<std::string> forks = fork(id, 2);
  std::string next = run(id, "random.random()")->result();
  EXPECT_NE(run(forks[0], "random.random()")->result(), next);
  EXPECT_NE(run(forks[1], "random.random()")->result(), run(forks[0], "random.random()")->result());
  EXPECT_EQ(restore(id, kept)->status, 200);
  EXPECT_EQ(run(id, "random.random()")->result(), next);
}

TEST_F(Copies, ARunIsUndone) {
  std::string id = create();
  run(id, "x = {'a': 1}");
  std::string kept = checkpoint(id);
  run(id, "x.clear(); del x");
  for (int i = 0; i < 2; ++i) {
    auto answer = restore(id, kept);
    EXPECT_EQ(answer->status, 200) << answer->body;
    EXPECT_EQ(answer->body, R"({"id":")" + id + R"(","language":"python"})");
    auto state = run(id, "x['a'] += 1; x");
    EXPECT_EQ(state->result(), "{'a': 2}");
    EXPECT_EQ(state->events()[1].at("execution_count").as_int64(), 2);
  }
  run(id, "import os; os._exit(1)");
  EXPECT_EQ(run(id, "1")->error("ename"), "KernelDied");
  EXPECT_EQ(restore(id, kept)->status, 200) << "a context that has died as well";
  EXPECT_EQ(run(id, "x")->result(), "{'a': 1}");
}

TEST_F(Copies, TheDefaultContextCanBeUndoneToo) {
  std::string id = run("", "x = 1")->text("init");
  std::string kept = checkpoint(id);
  run("", "x = 2");
  EXPECT_EQ(restore(id, kept)->status, 200);
  EXPECT_EQ(run("", "x")->result(), "1");
}

TEST_F(Copies, CheckpointsAreBoundedAndGoWithTheirContext) {
  std::string id = create();
  std::string last;
  for (size_t i = 0; i < CodeContexts::kMaxCheckpoints; ++i) last = checkpoint(id);
  auto refused = call("POST", "/code/contexts/" + id + "/checkpoint");
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id + "/checkpoints/" + last)->status, 200);
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id + "/checkpoints/" + last)->json().at("code"),
            "CHECKPOINT_NOT_FOUND");
  EXPECT_EQ(restore(id, last)->json().at("code"), "CHECKPOINT_NOT_FOUND");
  EXPECT_NE(checkpoint(id), "");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
}

TEST_F(Copies, WhatAForkCannotTakeAlongIsRefused) {
  std::string id = create();
  auto busy = start_run(id, "import time\nprint('go')\ntime.sleep(60)");
  wait(busy, [&] { return busy->text("stdout") == "go\n"; });
  refuses(id, "busy");
  call("DELETE", "/code", "id=" + id);
  finish(busy);
  run(id,
      "import threading\ne = threading.Event()\nt = threading.Thread(target=e.wait, "
      "name='waiter')\nt.start()");
  refuses(id, "threads: 1 more than the main one are alive (waiter)");
  run(id, "e.set(); t.join()\nimport socket\ns = socket.socket()");
  refuses(id, "sockets");
  run(id, "s.close()\nimport subprocess\np = subprocess.Popen(['sleep', '60'])");
  refuses(id, "processes");
  run(id, "p.kill(); p.wait()\nimport select\nep = select.epoll()");
  refuses(id, "descriptors");
  run(id, "ep.close()");
  EXPECT_EQ(fork(id).size(), 1u);
  run(id, "import os; os._exit(0)");
  refuses(id, "dead");
  EXPECT_EQ(call("POST", "/code/contexts/none/fork")->status, 404);
  EXPECT_EQ(call("POST", "/code/contexts/" + create() + "/fork", "count=0")->status, 400);
  EXPECT_EQ(call("POST", "/code/contexts/" + create() + "/fork", "count=-1")->status, 400);
  EXPECT_EQ(call("POST", "/code/contexts/" + create() + "/fork", "count=100000")->status, 400);
}

TEST_F(Copies, AwaitingCodeCanBeForked) {
  std::string id = create();
  run(id,
      "import asyncio\nq = asyncio.Queue()\nawait q.put(1)\nasync def later():\n  await asyncio.sleep(0.01)\n"
      "  return 'later'\nt = asyncio.ensure_future(later())\nawait asyncio.sleep(0)");
  std::string copy = fork(id).at(0);
  for (const std::string& one : {id, copy})
    EXPECT_EQ(run(one, "await q.get(), await t")->result(), "(1, 'later')");
  EXPECT_EQ(run(copy, "await q.put(2); await q.get()")->result(), "2");
}

TEST_F(Copies, DeletingManyForksLeavesNothing) {
  std::string id = create();
  std::vector<std::string> forks = fork(id, 20);
  std::vector<pid_t> pids;
  for (const std::string& copy : forks) pids.push_back(pid_of(copy));
  EXPECT_EQ(call("DELETE", "/code/contexts", "language=python")->status, 200);
  for (pid_t pid : pids) EXPECT_TRUE(gone(pid)) << pid;
}

TEST_F(Copies, ACopyThatLiesAboutItsNumberHurtsNobody) {
  pid_t victim = ::fork();
  if (victim == 0) {
    ::pause();
    ::_exit(0);
  }
  std::string id = create();
  run(id,
      "import sys, importlib\ncopies = importlib.import_module('osb_worker.copies')\n"
      "def lie(context, request, fds): context.channel.send({'type': 'copied', 'pids': [" +
          std::to_string(victim) + "]})\ncopies.make_copies = lie");
  refuses(id, "a copy ended at once");
  EXPECT_EQ(::kill(victim, 0), 0);
  ::kill(victim, SIGKILL);
}

TEST_F(Code, ARunThatTakesTooLongIsInterrupted) {
  std::string id = create();
  auto body = [&](const char* code) {
    return R"({"code":)" + json_string(code) + R"(,"timeout":200,"context":{"id":")" + id + "\"}}";
  };
  auto late = call("POST", "/code", {}, body("x = 1\nwhile True: pass"));
  EXPECT_EQ(late->error("ename"), "ExecutionTimeout");
  EXPECT_EQ(late->error("evalue"), "timeout after 200 ms");
  EXPECT_EQ(run(id, "x")->result(), "1");
  EXPECT_EQ(call("POST", "/code", {}, body("2"))->result(), "2");
  auto stuck = call("POST", "/code", {},
                    body("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"));
  EXPECT_EQ(stuck->error("ename"), "KernelDied");
  EXPECT_THAT(stuck->error("evalue"), HasSubstr("timeout after 200 ms"));
  EXPECT_EQ(call("POST", "/code", {}, R"({"code":"1","timeout":-1,"context":{"language":"python"}})")->status,
            400);
}

TEST_F(Code, LimitsHoldForEveryRun) {
  close();
  options_.run_limits = {milliseconds(300), 10};
  open({});
  auto late = run("", "print('0123456789abc', end='', flush=True)\nprint('x' * 10)\nwhile True: pass");
  EXPECT_EQ(late->error("ename"), "ExecutionTimeout");
  EXPECT_EQ(late->text("stdout"), "0123456789");
  EXPECT_EQ(late->text("stderr"), "[output of more than 10 bytes is left out]\n");
  EXPECT_EQ(run("", "print('again')")->text("stdout"), "again\n");
  auto bash = call("POST", "/code", {},
                   R"({"code":"printf 0123456789abc; echo x >&2; sleep 9","context":{"language":"bash"}})");
  EXPECT_EQ(bash->text("stdout"), "0123456789");
  EXPECT_THAT(bash->text("stderr"), HasSubstr("[output of more than 10 bytes is left out]\n"));
}

TEST_F(Code, ModulesArePreloaded) {
  auto made =
      call("POST", "/code/context", {}, R"({"language":"python","preload":["wave","this_is_not.there"]})");
  EXPECT_EQ(made->status, 400) << made->body;
  EXPECT_THAT(made->body, HasSubstr("this_is_not"));
  made = call("POST", "/code/context", {}, R"({"language":"python","preload":["wave"]})");
  ASSERT_EQ(made->status, 200) << made->body;
  std::string id(made->json().at("id").as_string());
  EXPECT_EQ(run(id, "import sys; 'wave' in sys.modules")->result(), "True");
  EXPECT_EQ(run(create(), "import sys; 'wave' in sys.modules")->result(), "False");
  made = call("POST", "/code/context", {}, R"({"language":"python","preload":["import os"]})");
  EXPECT_EQ(made->status, 400);
  for (const char* name : {"csv", "cmd", "code", "pdb", "wave"}) {
    auto more = call("POST", "/code/context", {},
                     std::string(R"({"language":"python","preload":[")") + name + "\"]}");
    EXPECT_EQ(more->status, 200) << more->body;
  }
}

TEST_F(Code, AnInterpreterImageHasAWarmPython) {
  close();
  options_.warm_languages = {"python"};
  open({});
  pass(milliseconds(300));
  EXPECT_EQ(run("", "1")->result(), "1");
}

TEST_F(Code, DisplaysAreUpdated) {
  auto answer =
      run("", "h = display('a', display_id='d', metadata={'k': 1})\nh.update('b')\nclear_output(wait=True)");
  std::vector<json::Value> events = answer->events();
  ASSERT_EQ(events.size(), 5u) << answer->body;
  EXPECT_EQ(events[1].at("display_id"), "d");
  EXPECT_EQ(json::serialize(events[1].at("metadata")), R"({"k":1})");
  EXPECT_FALSE(events[1].as_object().contains("update"));
  EXPECT_EQ(events[2].at("type"), "result");
  EXPECT_EQ(events[2].at("display_id"), "d");
  EXPECT_EQ(events[2].at("update"), true);
  EXPECT_EQ(events[2].at("results").at("text"), "'b'");
  EXPECT_EQ(events[3].at("type"), "clear_output");
  EXPECT_EQ(events[3].at("wait"), true);
}

}  // namespace
}  // namespace osb::execd
