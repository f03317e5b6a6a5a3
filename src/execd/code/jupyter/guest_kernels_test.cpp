// Real kernels that others wrote: ipykernel and what is built on it (libzmq), xeus (C++). `./dev test`
// installs them and names the place in OSB_GUESTS.
#include <stdlib.h>

#include "execd/code/jupyter/guest_world_for_tests.h"

namespace osb::execd::test {
namespace {

class GuestKernels : public GuestWorld {
 protected:
  void SetUp() override {
    const char* place = ::getenv("OSB_GUESTS");
    if (!place) GTEST_SKIP() << "OSB_GUESTS names no directory with Jupyter kernels (./dev test makes one)";
    bin_ = std::string(place) + "/bin/";
  }
  void use(const std::string& language, std::vector<std::string> argv, const json::Object& more = {}) {
    if (!std::filesystem::exists(bin_ + argv[0])) GTEST_SKIP() << bin_ << argv[0] << " is not there";
    argv[0] = bin_ + argv[0];
    install(language + "-kernel", language, argv, more);
    language_ = language;
    start_time_ = milliseconds(120'000);  // of a busy machine
    reopen();
  }
  void use_ipykernel() {
    use("python-guest", {"python", "-m", "ipykernel_launcher", "-f", "{connection_file}"});
  }
  void interrupt(const std::string& id, const std::string& code, const std::string& ename) {
    auto client = start_run(id, code);
    wait(client, [&] { return client->text("stdout").find("on") != std::string::npos; });
    // Again each second, as a person would: CPython and bash lose a SIGINT that comes just before they wait.
    for (int i = 0; i < 20 && !client->done; ++i) {
      call("DELETE", "/code", "id=" + id);
      for (int j = 0; j < 50 && !client->done; ++j) pass(milliseconds(20));
    }
    finish(client);
    EXPECT_EQ(client->error("ename"), ename) << client->body;
  }

  std::string bin_;
};

TEST_F(GuestKernels, IpykernelRunsCode) {
  use_ipykernel();
  std::string id = create();
  auto answer = run(id, "import sys\nprint('one'); print('two', file=sys.stderr)\nx = 20\nx + 1");
  EXPECT_THAT(answer->text("stdout"), "one\n");
  EXPECT_THAT(answer->text("stderr"), "two\n");
  EXPECT_EQ(answer->result(), "21");
  EXPECT_EQ(answer->types().back(), "execution_complete");
  answer = run(id, "x * 2");
  EXPECT_THAT(answer->types(), ElementsAre("init", "execution_count", "result", "execution_complete"));
  EXPECT_EQ(answer->events()[1].at("execution_count"), 2);
  EXPECT_EQ(run(id, "await __import__('asyncio').sleep(0, 'waited')")->result(), "'waited'");
  std::string other = create();
  EXPECT_EQ(run(other, "x")->error("ename"), "NameError");
}

TEST_F(GuestKernels, IpykernelShowsRichResults) {
  use_ipykernel();
  std::string id = create();
  auto answer = run(id,
                    "from IPython.display import display, HTML, JSON\n"
                    "for i in range(3):\n  print(i); display(HTML(f'<b>{i}</b>'))\n"
                    "h = display(JSON({'a': [1, None]}), display_id=True); h.update(HTML('new'))");
  std::string order;
  for (const json::Value& event : answer->events()) {
    if (event.at("type") == "stdout") order += event.at("text").as_string();
    if (event.at("type") != "result") continue;
    for (const char* mime : {"text/html", "application/json"})
      if (const json::Value* found = event.at("results").as_object().if_contains(mime))
        (order += found->as_string()) += ";";
  }
  EXPECT_EQ(order, "0\n<b>0</b>;1\n<b>1</b>;2\n<b>2</b>;{\"a\":[1,null]};new;");
}

TEST_F(GuestKernels, IpykernelErrorsAreData) {
  use_ipykernel();
  std::string id = create();
  auto answer = run(id, "def f():\n    1 / 0\nf()");
  EXPECT_EQ(answer->error("ename"), "ZeroDivisionError");
  EXPECT_EQ(answer->error("evalue"), "division by zero");
  EXPECT_GE(answer->events().back().at("error").at("traceback").as_array().size(), 2u);
  EXPECT_THAT(answer->types(), ElementsAre("init", "status", "error"));
  EXPECT_EQ(run(id, "def f(:")->error("ename"), "SyntaxError");
  EXPECT_EQ(run(id, "input('name?')")->error("ename"), "StdinNotImplementedError");
  EXPECT_EQ(run(id, "1")->result(), "1");  // nothing behind an error is dropped
}

TEST_F(GuestKernels, IpykernelIsInterruptedAndKeepsItsState) {
  use_ipykernel();
  std::string id = create();
  run(id, "kept = 1");
  interrupt(id, "import time\nprint('on', flush=True)\ntime.sleep(100)", "KeyboardInterrupt");
  interrupt(id, "print('on', flush=True)\nwhile True: pass", "KeyboardInterrupt");
  EXPECT_EQ(run(id, "kept")->result(), "1");
}

TEST_F(GuestKernels, IpykernelDies) {
  use_ipykernel();
  std::string id = create();
  auto answer = run(id, "print('last', flush=True)\nimport os; os.kill(os.getpid(), 11)");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("signal: segmentation fault"));
  EXPECT_EQ(run({}, "exit()")->types().back(), "execution_complete");  // a kernel leaves after its reply
  EXPECT_EQ(run(create(), "7")->result(), "7");
}

TEST_F(GuestKernels, IpykernelPrintsMuchForASlowClient) {
  use_ipykernel();
  std::string id = create();
  auto client = std::make_shared<Client>(loop_.executor());
  client->slow = true;
  start_run(id, "for i in range(5000):\n  print('%09d' % i * 20, flush=True)", client);
  pass(milliseconds(1500));
  client->slow = false;
  client->changed.notify();
  finish(client);
  EXPECT_EQ(client->text("stdout").size(), 5000u * 181);
  EXPECT_EQ(client->types().back(), "execution_complete");
}

TEST_F(GuestKernels, IpykernelLeavesNothing) {
  use_ipykernel();
  std::string id = create();
  auto place = run(id,
                   "from ipykernel.kernelapp import IPKernelApp as App\n"
                   "print(App.instance().abs_connection_file, end='')");
  EXPECT_TRUE(removed(place->text("stdout"))) << place->body;
  pid_t pid = std::stoi(run(id, "import os, atexit; os.getpid()")->result());
  std::string file = (root_ / "end").string();
  run(id, "atexit.register(lambda: open('" + file + "', 'w').write('bye'))");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(pid));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(GuestKernels, Bash) {
  use("bash-guest", {"python", "-m", "bash_kernel", "-f", "{connection_file}"});
  std::string id = create();
  EXPECT_EQ(run(id, "x=5; echo $x")->text("stdout"), "5\n");
  EXPECT_EQ(run(id, "echo $((x + 1)); cd /usr")->text("stdout"), "6\n");
  EXPECT_EQ(run(id, "pwd")->text("stdout"), "/usr\n");
  auto answer = run(id, "(exit 3)");
  EXPECT_EQ(answer->error("ename"), "Error");
  EXPECT_EQ(answer->error("evalue"), "3");
  interrupt(id, "echo on; sleep 100", "KeyboardInterrupt");
  EXPECT_EQ(run(id, "echo $x")->text("stdout"), "5\n");
}

TEST_F(GuestKernels, Xeus) {
  use("xeus-guest", {"python", "-m", "xpython_launcher", "-f", "{connection_file}"});
  std::string id = create();
  auto answer = run(id, "x = 1\nprint('out')\nx + 1");
  EXPECT_EQ(answer->text("stdout"), "out\n");
  EXPECT_EQ(answer->result(), "2");
  EXPECT_THAT(run(id, "1 / 0")->error("ename"), HasSubstr("ZeroDivisionError"));
  EXPECT_EQ(run(id, "input()")->types().back(), "error");
  EXPECT_EQ(run(id, "x")->result(), "1");
  EXPECT_EQ(run(id, "import os; os._exit(4)")->error("ename"), "KernelDied");
}

}  // namespace
}  // namespace osb::execd::test
