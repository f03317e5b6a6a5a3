// Sandboxes made ahead, in a real launcher: that they wait, are used, replaced, and never in the way.
#include "launcher/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launcher_harness.h"

namespace osb::launcher::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kMost = 6;

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SlotsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it makes namespaces, control groups and links";
    machine_.emplace();
    machine_->options().max_slots = kMost;
    machine_->start();
    client_.emplace(machine_->connect());
    ASSERT_TRUE(eventually([this] { return waiting().size() == Slots::kFewest; }));
  }
  void TearDown() override {
    if (HasFailure() && machine_) fprintf(stderr, "%s", machine_->log().c_str());
  }

  // Parked processes of this launcher.
  std::vector<pid_t> waiting() const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::string status = read_file(entry.path() / "status");
      if (status.starts_with("Name:\tosb-slot\n") &&
          status.find("\nPPid:\t" + std::to_string(machine_->pid()) + "\n") != status.npos)
        found.push_back(std::stoi(entry.path().filename()));
    }
    return found;
  }
  bool was_waiting(const std::vector<pid_t>& pids, pid_t pid) const {
    return std::ranges::find(pids, pid) != pids.end();
  }
  SandboxInfo create(CreateRequest request) {
    request.boot = "serve";
    ReplyBody reply = client_->call(std::move(request));
    if (auto* error = std::get_if<ErrorReply>(&reply)) throw std::runtime_error(error->message);
    return std::get<SandboxReply>(reply).sandbox;
  }
  bool destroy(const std::string& id) {
    return std::holds_alternative<DoneReply>(client_->call(DestroyRequest{id}));
  }

  std::optional<Machine> machine_;
  std::optional<Client> client_;
};

TEST_F(SlotsTest, ACreateTakesAWaitingProcessAndGivesItItsIdentityAndLimits) {
  std::vector<pid_t> before = waiting();
  SandboxInfo made = create({.id = "a1", .memory_bytes = 64 << 20, .pids = 77});
  EXPECT_TRUE(was_waiting(before, made.pid)) << "it was made ahead";
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "a1\n");
  EXPECT_EQ(ask(made.address, "read /proc/sys/kernel/hostname"), "a1\n");
  EXPECT_THAT(ask(made.address, "read /etc/hosts"), HasSubstr(made.address + "\ta1"));
  EXPECT_EQ(ask(made.address, "create /usr/bin/new"), "ok");
  EXPECT_TRUE(fs::exists(machine_->options().state_dir + "/launcher/sandboxes/a1/usr.upper/bin/new"))
      << "its directory is found by its id";

  std::string groups = read_file("/proc/" + std::to_string(made.pid) + "/cgroup");
  bool v1 = fs::exists("/sys/fs/cgroup/pids");
  if (v1) {
    EXPECT_THAT(groups, HasSubstr("/" + machine_->names().cgroup + "/a1\n"));
    EXPECT_EQ(read_file("/sys/fs/cgroup/pids/" + machine_->names().cgroup + "/a1/pids.max"), "77\n");
    EXPECT_EQ(read_file("/sys/fs/cgroup/memory/" + machine_->names().cgroup + "/a1/memory.limit_in_bytes"),
              std::to_string(64 << 20) + "\n");
  }
}

// A monitor that walks /proc does that; a name that was missing then stayed missing.
TEST_F(SlotsTest, ALookIntoAWaitingRootDoesNotHideItsFiles) {
  for (pid_t pid : waiting())
    for (const char* name : {"hostname", "hosts", "resolv.conf"})
      EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/root/etc/" + name), "");
  SandboxInfo made = create({.id = "a1"});
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "a1\n");
  EXPECT_THAT(ask(made.address, "read /etc/hosts"), HasSubstr("\ta1"));
}

TEST_F(SlotsTest, AreReplacedAndFollowDemandUpToTheCeiling) {
  std::vector<std::string> ids;
  for (int i = 0; i < 8; i++) ids.push_back(create({.id = "n" + std::to_string(i)}).id);
  EXPECT_TRUE(eventually([this] { return waiting().size() == kMost; })) << waiting().size();
  ::usleep(50'000);
  EXPECT_EQ(waiting().size(), kMost) << "never more than allowed";
  for (const std::string& id : ids) EXPECT_TRUE(destroy(id));
}

// Numbers of processes rise: one that is below that of a process just made is older.
pid_t newest_pid() {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST_F(SlotsTest, WhoCreatesOneAfterTheOtherFindsOneMadeEachTime) {
  int ahead = 0;
  for (int i = 0; i < 20; i++) {
    pid_t newest = newest_pid();
    ahead += create({.id = "row" + std::to_string(i)}).pid < newest;
  }
  EXPECT_GE(ahead, 15);
}

TEST_F(SlotsTest, AnotherImageTakesNone) {
  std::vector<pid_t> before = waiting();
  SandboxInfo made = create({.id = "img", .image = "tiny"});
  EXPECT_FALSE(was_waiting(before, made.pid));
  EXPECT_EQ(ask(made.address, "read /data/file"), "from the image");
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "img\n");
}

TEST_F(SlotsTest, OneThatDiedIsPassedOverAndReplaced) {
  for (pid_t pid : waiting()) ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([this] { return waiting().empty(); }));
  SandboxInfo made = create({.id = "b1"});
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "b1\n");
  // After a pause, so that what kills them is not fed for ever.
  EXPECT_TRUE(eventually([this] { return waiting().size() >= Slots::kFewest; }, 15000));
  EXPECT_THAT(machine_->log(), HasSubstr("making a sandbox ahead failed"));
}

TEST_F(SlotsTest, ARefusedCreateCostsOneSlotAndNothingElse) {
  std::vector<pid_t> before = waiting();
  ReplyBody reply = client_->call(CreateRequest{.id = "c1", .boot = "refuse no such program: nope"});
  ASSERT_TRUE(std::holds_alternative<ErrorReply>(reply));
  EXPECT_EQ(std::get<ErrorReply>(reply).message, "no such program: nope");
  EXPECT_FALSE(fs::exists(machine_->options().state_dir + "/launcher/sandboxes/c1"));
  EXPECT_TRUE(eventually([this] { return waiting().size() == Slots::kFewest; }));
  create({.id = "c1"});
}

TEST_F(SlotsTest, NothingIsLeftAfterAnOrderlyEnd) {
  create({.id = "d1"});
  EXPECT_EQ(machine_->stop(), 0);
  EXPECT_TRUE(eventually([&] { return machine_->leftovers().empty(); }));
  EXPECT_THAT(machine_->leftovers(), IsEmpty());
}

// Regression: one was made after the last had been undone, and the launcher waited for it for ever.
TEST_F(SlotsTest, TheNextOneIsNotMadeOnceTheLauncherEnds) {
  create({.id = "e1"});  // the next one is due a few milliseconds after this
  EXPECT_EQ(machine_->stop(), 0);
  EXPECT_TRUE(eventually([&] { return machine_->leftovers().empty(); }));
}

TEST_F(SlotsTest, DieWithTheLauncherAndAreSweptByTheNextOne) {
  std::vector<pid_t> before = waiting();
  machine_->kill(SIGKILL);
  machine_->wait();
  EXPECT_TRUE(eventually([&] {
    return std::ranges::none_of(before, [](pid_t pid) { return fs::exists("/proc/" + std::to_string(pid)); });
  }));
  machine_->options().max_slots = 0;
  machine_->start();
  machine_->connect();
  EXPECT_TRUE(eventually([&] { return machine_->leftovers().empty(); }));
  EXPECT_THAT(machine_->leftovers(), IsEmpty());
}

TEST_F(SlotsTest, DoNotKeepAnIdleLauncherAlive) {
  client_.reset();
  EXPECT_EQ(machine_->wait(), 0);
  EXPECT_TRUE(eventually([&] { return machine_->leftovers().empty(); }));
  EXPECT_THAT(machine_->leftovers(), IsEmpty());
}

}  // namespace
}  // namespace osb::launcher::test
