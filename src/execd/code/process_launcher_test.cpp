// Started workers: a small one in Python behind the launcher that all started languages share.
#include "execd/code/process_launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kDeadline{30'000};  // only a hang reaches it

// Runs its code with exec(); `out` is the value of a result.
constexpr std::string_view kWorker = R"py(
import json, os, signal, struct, sys
os.set_inheritable(3, False); os.set_inheritable(4, False)
def send(**message):
  sys.stdout.flush()
  data = json.dumps(message).encode()
  for at in range(0, len(data), 65536):
    part = data[at:at + 65536]
    frame = struct.pack('>IB', len(part) + 1, (at == 0) + 2 * (at + 65536 >= len(data))) + part
    while frame: frame = frame[os.write(4, frame):]
def exactly(size):
  data = b''
  while len(data) < size:
    more = os.read(3, size - len(data))
    if not more: sys.exit()
    data += more
  return data
def receive():
  data, flags = b'', 0
  while not flags & 2:
    length, flags = struct.unpack('>IB', exactly(5))
    data += exactly(length - 1)
  return json.loads(data)
signal.signal(signal.SIGINT, lambda *_: None)
if os.environ.get('STARTS'): open(os.environ['STARTS'], 'a').write('.')
exec(os.environ.get('FIRST', ''))
send(type='ready', pid=os.getpid(), version='7.0')
while True:
  request = receive()
  run, out = request['run'], None
  signal.signal(signal.SIGINT, signal.default_int_handler)
  try:
    send(type='execute_input', run=run, execution_count=run)
    exec(request['code'])
    send(type='execute_result', run=run, execution_count=run, data={'text/plain': str(out)})
  except BaseException as error:
    send(type='error', run=run, ename=type(error).__name__, evalue=str(error), traceback=[])
  signal.signal(signal.SIGINT, lambda *_: None)
  send(type='execute_reply', run=run, status='ok', execution_count=run)
)py";

class TestLanguage : public ProcessLanguage {
 public:
  explicit TestLanguage(std::string program) : program_(std::move(program)) {}
  std::string name() const override { return "klingon"; }
  net::task<WorkerProgram> program(std::vector<std::string> env) override {
    co_return WorkerProgram{
        program_, {program_, "-ISc", "exec(open(5).read())"}, std::move(env), {kWorker, "second file"}};
  }

 private:
  std::string program_;
};

class ProcessLauncherTest : public ::testing::Test {
 protected:
  ProcessLauncherTest() {
    ::signal(SIGPIPE, SIG_IGN);
    starts_ = std::filesystem::temp_directory_path() /
              ("osb-starts-" + std::to_string(::getpid()) + "-" + std::to_string(++tests));
    open();
  }
  ~ProcessLauncherTest() override { std::filesystem::remove(starts_); }

  void open(std::string first = {}, std::string program = "python3",
            milliseconds spare_time = ProcessLauncher::kSpareTime) {
    std::filesystem::remove(starts_);
    WorkerLimits limits;
    limits.start_time = start_time_;
    limits.open_files = 200;
    std::vector<std::string> env{std::string("PATH=") + ::getenv("PATH"), "FIRST=" + first,
                                 "STARTS=" + starts_, "PWD=/elsewhere"};
    launcher_.emplace(loop_.executor(), reaper_, std::make_unique<TestLanguage>(program), env, limits,
                      spare_time);
  }
  std::shared_ptr<Kernel> launch(std::string cwd = "/tmp") {
    std::shared_ptr<Kernel> kernel;
    loop_.run_until_done([](auto& launcher, auto& out, std::string where) -> net::task<> {
      out = co_await launcher->launch(where, "try again");
    }(launcher_, kernel, std::move(cwd)));
    return kernel;
  }
  std::string failure() {
    try {
      launch();
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + ": " + error.message();
    }
    return "none";
  }
  std::shared_ptr<Journal> start(const std::shared_ptr<Kernel>& kernel, std::string code) {
    auto events = std::make_shared<Journal>(loop_.executor(), 64u << 20);
    kernel->execute(std::move(code), events);
    return events;
  }
  template <class F>
  bool wait(F until) {
    auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!until() && std::chrono::steady_clock::now() < end) pass(milliseconds(5));
    return until();
  }
  void pass(milliseconds time) {
    loop_.run_until_done([](milliseconds t) -> net::task<> { co_await net::sleep_for(t); }(time));
  }
  std::string all(const std::shared_ptr<Journal>& events) {
    EXPECT_TRUE(wait([&] { return events->closed(); }));
    Journal::Reader reader(events, 0);
    std::string text;
    while (reader.take(text, 1 << 20, Framing::lines)) {}
    return text;
  }
  // The value that the code left in `out`.
  std::string run(const std::shared_ptr<Kernel>& kernel, std::string code) {
    std::string text = all(start(kernel, std::move(code)));
    size_t at = text.find("\"results\"");
    if (at == std::string::npos) return text;
    size_t begin = text.rfind("\n\n", at);
    std::string event = text.substr(begin == std::string::npos ? 0 : begin + 2);
    return std::string(json::parse(event.substr(0, event.find("\n\n"))).at("results").at("text").as_string());
  }
  void end(const std::shared_ptr<Kernel>& kernel) {
    loop_.run_until_done([](std::shared_ptr<Kernel> k) -> net::task<> { co_await k->end(); }(kernel));
  }
  // Sends a signal to the other workers of this test; `out` tells how many there were.
  std::string kill_others(const std::string& signal) {
    return "out = 0\nfor n in os.listdir('/proc'):\n  try:\n    if n.isdigit() and int(n) != os.getpid() and "
           "b'STARTS=" +
           starts_ + "\\0' in open('/proc/' + n + '/environ', 'rb').read(): os.kill(int(n), " + signal +
           "); out += 1\n  except OSError: pass";
  }
  // Each process that started wrote a dot.
  size_t starts() {
    std::error_code ignored;
    auto size = std::filesystem::file_size(starts_, ignored);
    return ignored ? 0 : size;
  }

  static inline int tests = 0;
  std::string starts_;
  milliseconds start_time_ = kDeadline;
  net::Loop loop_;
  Reaper reaper_{loop_.executor()};
  std::optional<ProcessLauncher> launcher_;
};

TEST_F(ProcessLauncherTest, GivesTheWorkerWhatItIsPromised) {
  auto kernel = launch("/tmp");
  EXPECT_EQ(run(kernel,
                "out = [os.getcwd(), os.environ['PWD'], os.getsid(0) == os.getpid(), os.getpgid(0) == "
                "os.getpid()]"),
            "['/tmp', '/tmp', True, True]");
  EXPECT_EQ(run(kernel,
                "out = sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists("
                "'/proc/self/fd/' + n))"),
            "[0, 1, 2, 3, 4, 6]");  // it closed 5
  EXPECT_EQ(run(kernel, "out = os.read(6, 100), os.readlink('/proc/self/fd/0')"),
            "(b'second file', '/dev/null')");
  EXPECT_EQ(run(kernel,
                "import resource\nout = resource.getrlimit(resource.RLIMIT_NOFILE)[0], "
                "open('/proc/self/oom_score_adj').read().strip()"),
            "(200, '500')");
}

TEST_F(ProcessLauncherTest, RunsCodeAndKeepsTheOrder) {
  auto kernel = launch();
  std::string text = all(start(kernel, "print('one'); sys.stderr.write('two'); out = 3; keep = 4"));
  EXPECT_THAT(text, HasSubstr("one\\n"));
  EXPECT_LT(text.find("one"), text.find("results"));
  EXPECT_THAT(text, HasSubstr("execution_complete"));
  EXPECT_EQ(run(kernel, "out = keep"), "4");
}

TEST_F(ProcessLauncherTest, MessagesMayBeLongInBothDirections) {
  auto kernel = launch();
  std::string code = "out = '" + std::string(10'000'000, 'x') + "' + 'y' * 10000000";
  EXPECT_EQ(run(kernel, code).size(), 20'000'000u);
}

TEST_F(ProcessLauncherTest, AWorkerThatDoesNotReadDoesNotBlockUs) {
  auto kernel = launch();
  auto events = start(kernel, "import time\nsend(type='execute_reply', run=run)\ntime.sleep(60)");
  EXPECT_THAT(all(events), HasSubstr("execution_complete"));
  auto second = start(kernel, std::string(5'000'000, ' '));
  pass(milliseconds(50));
  EXPECT_FALSE(second->closed());
  end(kernel);
  EXPECT_THAT(all(second), HasSubstr("KernelDied"));
}

TEST_F(ProcessLauncherTest, AnInterruptReachesTheGroup) {
  auto kernel = launch();
  auto events = start(kernel, "import subprocess\nprint('on', flush=True)\nsubprocess.run(['sleep', '60'])");
  wait([&] { return events->last_eid() > 0; });
  kernel->interrupt();
  EXPECT_THAT(all(events), HasSubstr("KeyboardInterrupt"));
  EXPECT_EQ(run(kernel, "out = 1"), "1");
}

TEST_F(ProcessLauncherTest, DeathTakesTheGroupAlong) {
  auto kernel = launch();
  int child = std::stoi(run(kernel, "import subprocess\nout = subprocess.Popen(['sleep', '60']).pid"));
  std::string text = all(start(kernel, "print('last', flush=True); os._exit(9)"));
  EXPECT_THAT(text, HasSubstr("last"));
  EXPECT_THAT(text, HasSubstr("exit status 9"));
  EXPECT_THAT(text, HasSubstr("try again"));
  EXPECT_TRUE(wait([&] {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string line;
    return !std::getline(stat, line) || line.find(") Z ") != std::string::npos;
  }));
}

TEST_F(ProcessLauncherTest, EndsInGoodOrder) {
  std::string file = starts_ + ".end";
  auto kernel = launch();
  run(kernel, "import atexit\natexit.register(lambda: open('" + file + "', 'w').write('bye'))");
  end(kernel);
  EXPECT_TRUE(kernel->ended());
  EXPECT_TRUE(std::filesystem::exists(file));
  std::filesystem::remove(file);
}

TEST_F(ProcessLauncherTest, ClosingOrGarblingTheChannelIsADeath) {
  EXPECT_THAT(all(start(launch(), "import time\nos.close(4)\ntime.sleep(60)")), HasSubstr("KernelDied"));
  EXPECT_THAT(all(start(launch(), "import time\nos.write(4, b'nonsense!' * 9)\ntime.sleep(60)")),
              HasSubstr("reading a message of a worker"));
  EXPECT_THAT(all(start(launch(), "os.close(3)")), HasSubstr("execution_complete"));
}

TEST_F(ProcessLauncherTest, WhatStopsAWorkerFromStartingIsSaid) {
  open("sys.stderr.write('no licence for today'); sys.exit(3)");
  EXPECT_THAT(failure(), HasSubstr("unavailable: starting a context"));
  EXPECT_THAT(failure(), HasSubstr("exit status 3"));
  EXPECT_THAT(failure(), HasSubstr("no licence for today"));
  open("send(type='fatal', message='too old'); sys.exit()");
  EXPECT_THAT(failure(), HasSubstr("too old"));
  open({}, "no-such-program");
  EXPECT_EQ(failure(),
            "unsupported: language klingon is not available in this image (starting no-such-program: no such "
            "program)");
}

TEST_F(ProcessLauncherTest, AWorkerThatNeverGetsReadyIsEnded) {
  start_time_ = milliseconds(500);
  open("import time; time.sleep(60)");
  EXPECT_THAT(failure(), HasSubstr("timeout"));
}

TEST_F(ProcessLauncherTest, OneWorkerWaitsForTheNextContext) {
  auto first = launch();
  EXPECT_TRUE(wait([&] { return starts() == 2; }));
  auto second = launch();
  EXPECT_TRUE(wait([&] { return starts() == 3; }));
  pass(milliseconds(100));
  EXPECT_EQ(starts(), 3u);
  EXPECT_EQ(run(second, "out = 5"), "5");
  EXPECT_THAT(all(start(second, "os._exit(0)")), HasSubstr("try again"));
}

TEST_F(ProcessLauncherTest, TheWaitingWorkerIsOfTheSameDirectory) {
  launch("/tmp");
  EXPECT_TRUE(wait([&] { return starts() == 2; }));
  auto other = launch("/");
  EXPECT_EQ(run(other, "out = os.getcwd()"), "/");
  std::string place = starts_ + ".d";
  std::filesystem::create_directory(place);
  launch(place);
  std::filesystem::remove(place);
  std::filesystem::create_directory(place);
  auto there = launch(place);
  EXPECT_EQ(run(there, "out = os.getcwd()"), place);
  std::filesystem::remove(place);
}

TEST_F(ProcessLauncherTest, AWaitingWorkerThatDiedIsReplaced) {
  auto first = launch();
  EXPECT_TRUE(wait([&] { return starts() == 2; }));
  EXPECT_EQ(run(first, kill_others("9")), "1");
  EXPECT_TRUE(wait([&] { return run(first, kill_others("0")) == "0"; }));
  EXPECT_EQ(run(launch(), "out = 1"), "1");
}

TEST_F(ProcessLauncherTest, TheWaitingWorkerGoesWhenNobodyComes) {
  open({}, "python3", milliseconds(3000));  // more than its start takes on a busy machine
  auto first = launch();
  EXPECT_TRUE(wait([&] { return starts() >= 2; }));
  EXPECT_TRUE(wait([&] { return run(first, kill_others("0")) == "0"; }));
}

TEST_F(ProcessLauncherTest, WarmingUpStartsOneAhead) {
  launcher_->warm_up("/tmp");
  EXPECT_TRUE(wait([&] { return starts() == 1; }));
  EXPECT_EQ(run(launch("/tmp"), "out = 1"), "1");
}

// Requests under way are destroyed with the loop, after the launcher: for the address sanitizer.
TEST_F(ProcessLauncherTest, MayEndWhileWorkersStart) {
  net::spawn(loop_.executor(), "launch",
             [](auto& launcher) -> net::task<> { co_await launcher->launch("/tmp", ""); }(launcher_));
  launcher_->warm_up("/tmp");
  pass(milliseconds(1));
  launcher_.reset();
  pass(milliseconds(1));
}

}  // namespace
}  // namespace osb::execd
