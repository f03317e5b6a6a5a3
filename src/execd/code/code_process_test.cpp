// The processes behind contexts: interpreters, zygotes, deaths, and what is left behind.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <filesystem>

#include "execd/code/code_world_for_tests.h"
#include "execd/code/python_launcher.h"

namespace osb::execd {
namespace {

using namespace test;

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
    auto answer = run(id,
                      "import os, sys\nchannel = sys.modules['osb_worker.display'].publisher.channel\nsend = "
                      "channel.send\ndef last(message):\n"
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
  auto refused = run("", "1");
  EXPECT_EQ(refused->status, 501);
  EXPECT_THAT(refused->body, HasSubstr("PYTHON_VERSION=3.99.1 is not in this image; it has 3."));
  EXPECT_THAT(refused->body, HasSubstr("broken"));
  close();
  open({{"PATH", dir + ":" + ::getenv("PATH")},
        {"PYTHON_VERSION", "3.99.1"},
        {"OPENSANDBOX_IMAGE_KIND", "host"}});
  EXPECT_EQ(run("", "1")->result(), "1") << "what there is";
  std::filesystem::remove_all(dir);
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

// Variables, modules, and files that Python looks for when it starts.
TEST_F(Code, WhatAContextPlantsReachesNeitherTheNextOneNorTheInterpreter) {
  std::string directory =
      std::filesystem::temp_directory_path() / ("osb_planted." + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  auto create_there = [&] {
    auto made = call("POST", "/code/context", {}, R"({"language":"python","cwd":")" + directory + "\"}");
    return std::string(made->json().at("id").as_string());
  };
  std::string first = create_there();
  EXPECT_EQ(run(first,
                "import os, sys, json, builtins\n"
                "for name in ('LD_PRELOAD', 'PYTHONSTARTUP', 'PYTHONPATH', 'BASH_ENV', 'NODE_OPTIONS', "
                "'JAVA_TOOL_OPTIONS'):\n  os.environ[name] = os.getcwd() + '/planted'\n"
                "builtins.planted = os.planted = json.loads.planted = 1\n"
                "sys.path.insert(0, os.getcwd())\n"
                "for name in ('sitecustomize', 'usercustomize', 'socket', 'signal', 'planted'):\n"
                "  open(name + '.py', 'w').write('import builtins; builtins.planted = 1')\n"
                "open('planted.pth', 'w').write('import planted')\n1")
                ->result(),
            "1");
  std::string looks =
      "import os, sys, json, builtins\n[[n for n in os.environ if 'planted' in os.environ[n] and n != "
      "'PWD'], "
      "hasattr(builtins, 'planted'), hasattr(os, 'planted'), hasattr(json.loads, 'planted')]";
  std::string clean = "[[], False, False, False]";
  EXPECT_EQ(run(create_there(), looks)->result(), clean);
  pid_t zygote = static_cast<pid_t>(std::stol(run(first, "os.getppid()")->result()));
  ::kill(zygote, SIGKILL);
  EXPECT_TRUE(gone(zygote));
  EXPECT_EQ(run(create_there(), looks)->result(), clean) << "an interpreter that starts after it was planted";
  std::filesystem::remove_all(directory);
}

// execd has not heard of the death when the request comes.
TEST_F(Code, AContextThatIsAskedForWhileTheInterpreterDiesGetsAnotherOne) {
  std::string first = create();
  pid_t zygote = static_cast<pid_t>(std::stol(run(first, "import os; os.getppid()")->result()));
  for (int i = 0; i < 2; ++i) {
    ::kill(zygote, SIGSTOP);
    auto made = start("POST", "/code/context", {}, R"({"language":"python"})");
    pass(milliseconds(i * 50));  // the request is still to come, or under way
    ::kill(zygote, SIGKILL);
    finish(made);
    ASSERT_EQ(made->status, 200) << made->body;
    std::string next(made->json().at("id").as_string());
    zygote = static_cast<pid_t>(std::stol(run(next, "import os; os.getppid()")->result()));
  }
}

// CVE-2024-21626: a worker has its channel and what it prints to, and nothing of the daemon.
TEST_F(Code, DescriptorsOfTheDaemonDoNotReachCode) {
  std::string opened =
      "import os\nsorted({os.readlink('/proc/self/fd/' + n).split(':')[0] for n in "
      "os.listdir('/proc/self/fd') "
      "if os.path.exists('/proc/self/fd/' + n)})";
  EXPECT_EQ(run(create(), opened)->result(), "['/dev/null', 'pipe', 'socket']");
  EXPECT_EQ(run("",
                "import subprocess\nsubprocess.run('ls /proc/self/fd', shell=True, capture_output=True, "
                "close_fds=False).stdout.decode().split()")
                ->result(),
            "['0', '1', '2', '3']");
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
         "send({'type': 'hello', 'pid': 1, 'version': '3.99.0'})\n"
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
