// Drives a real launcher as root: what it makes, what it answers, and that nothing is left.
#include "launcher/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "base/defer.h"
#include "launcher/image_name.h"
#include "launcher/launcher_harness.h"
#include "launcher/tar_for_tests.h"
#include "sys/capabilities.h"
#include "sys/text_file.h"

namespace osb::launcher::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

CreateRequest serve(std::string id, std::string image = "") {
  return {.id = std::move(id), .image = std::move(image), .boot = "serve"};
}

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it makes namespaces, control groups and links";
    machine_.emplace();
    machine_->start();
    client_.emplace(machine_->connect());
  }
  void TearDown() override {
    if (HasFailure() && machine_) fprintf(stderr, "%s", machine_->log().c_str());
  }

  SandboxInfo create(const CreateRequest& request) {
    ReplyBody reply = client_->call(request);
    if (auto* error = std::get_if<ErrorReply>(&reply)) throw std::runtime_error(error->message);
    return std::get<SandboxReply>(reply).sandbox;
  }
  ErrorReply refused(RequestBody body) {
    ReplyBody reply = client_->call(std::move(body));
    auto* error = std::get_if<ErrorReply>(&reply);
    return error ? *error : ErrorReply{ErrorCode::unauthorized, "it was done"};
  }
  bool done(RequestBody body) { return std::holds_alternative<DoneReply>(client_->call(std::move(body))); }
  std::vector<SandboxInfo> list() { return std::get<ListReply>(client_->call(ListRequest{})).sandboxes; }
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return machine_->leftovers().empty(); }));
    EXPECT_THAT(machine_->leftovers(), IsEmpty());
  }

  std::optional<Machine> machine_;
  std::optional<Client> client_;
};

TEST_F(LauncherTest, MakesListsAndDestroys) {
  ASSERT_TRUE(machine_->hello());
  EXPECT_EQ(machine_->hello()->version, kProtocolVersion);
  SandboxInfo made = create(serve("a1"));
  EXPECT_EQ(made.id, "a1");
  EXPECT_EQ(made.state, SandboxState::running);
  EXPECT_GT(made.pid, 0);
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "a1\n");
  EXPECT_THAT(ask(made.address, "read /etc/hosts"), HasSubstr(made.address + "\ta1"));
  EXPECT_EQ(ask(made.address, "stat /tmp"), "41777");
  EXPECT_THAT(ask(made.address, "stat /usr/bin"), HasSubstr("407")) << "image host shows the machine's /usr";

  EXPECT_EQ(refused(serve("a1")).code, ErrorCode::conflict);
  EXPECT_TRUE(done(DestroyRequest{"a1"}));
  EXPECT_FALSE(fs::exists("/proc/" + std::to_string(made.pid)));
  EXPECT_THAT(list(), IsEmpty());
  EXPECT_TRUE(done(DestroyRequest{"a1"})) << "repeating a destroy is fine";
  expect_nothing_left();
}

TEST_F(LauncherTest, ImagesAreReadOnlyForTheSandbox) {
  SandboxInfo made = create(serve("img", "tiny"));
  EXPECT_EQ(ask(made.address, "read /data/file"), "from the image");
  EXPECT_EQ(ask(made.address, "write /data/file changed"), "ok");
  EXPECT_EQ(ask(made.address, "create /data/new"), "ok");
  std::ifstream in(machine_->path("images/tiny/rootfs/data/file"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "from the image");
  EXPECT_FALSE(fs::exists(machine_->path("images/tiny/rootfs/data/new")));
  EXPECT_EQ(ask(made.address, "stat /usr"), "errno 2") << "nothing of the machine's own /usr";
}

TEST_F(LauncherTest, SaysWhyASandboxCannotBe) {
  EXPECT_EQ(refused(serve("x", "missing")).code, ErrorCode::not_found);
  EXPECT_EQ(refused(PauseRequest{"nobody"}).code, ErrorCode::not_found);
  EXPECT_EQ(refused(ResumeRequest{"nobody"}).code, ErrorCode::not_found);

  ErrorReply entrypoint = refused(CreateRequest{.id = "x", .boot = "refuse no such program: nope"});
  EXPECT_EQ(entrypoint.code, ErrorCode::invalid);
  EXPECT_EQ(entrypoint.message, "no such program: nope");
  ErrorReply died = refused(CreateRequest{.id = "x", .boot = "die 7"});
  EXPECT_EQ(died.code, ErrorCode::internal);
  EXPECT_THAT(died.message, HasSubstr("exit status 7"));
  EXPECT_THAT(died.message, HasSubstr("dies on purpose"));

  fs::rename(machine_->path("guest/opt/opensandbox/execd"), machine_->path("guest/opt/opensandbox/away"));
  EXPECT_THAT(refused(serve("x")).message, HasSubstr("executing execd"));
  fs::rename(machine_->path("guest/opt/opensandbox/away"), machine_->path("guest/opt/opensandbox/execd"));
  EXPECT_THAT(list(), IsEmpty());
  expect_nothing_left();
  create(serve("x"));
}

TEST_F(LauncherTest, WhatTheChildSaysBeatsWhatFollowsFromItsEnd) {
  fs::rename(machine_->path("host"), machine_->path("away"));
  for (int i = 0; i < 20; i++)  // the link cannot be made either then, if the child was faster
    EXPECT_THAT(refused(serve("x")).message, HasSubstr("finding layer"));
  fs::rename(machine_->path("away"), machine_->path("host"));
  expect_nothing_left();
}

TEST_F(LauncherTest, PausesAndResumes) {
  SandboxInfo made = create(serve("p"));
  EXPECT_EQ(refused(ResumeRequest{"p"}).code, ErrorCode::conflict);
  EXPECT_TRUE(done(PauseRequest{"p"}));
  EXPECT_EQ(list().at(0).state, SandboxState::paused);
  EXPECT_EQ(refused(PauseRequest{"p"}).code, ErrorCode::conflict);
  EXPECT_EQ(ask(made.address, "read /etc/hostname", 44772, 1), "") << "frozen: connected, but no answer";
  EXPECT_TRUE(done(ResumeRequest{"p"}));
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "p\n");
  EXPECT_TRUE(done(PauseRequest{"p"}));
  EXPECT_TRUE(done(DestroyRequest{"p"})) << "a frozen sandbox dies, too";
  expect_nothing_left();
}

TEST_F(LauncherTest, TellsOfSandboxesThatEndByThemselves) {
  create({.id = "e", .boot = "exit 3"});
  auto exit = client_->event<ExitEvent>();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->sandbox.id, "e");
  EXPECT_EQ(exit->sandbox.state, SandboxState::exited);
  EXPECT_EQ(exit->sandbox.exit_code, 3);
  EXPECT_EQ(exit->sandbox.exit_reason, "exit status 3");
  ASSERT_EQ(list().size(), 1u) << "the record stays until it is destroyed";
  EXPECT_EQ(refused(PauseRequest{"e"}).code, ErrorCode::conflict);
  EXPECT_TRUE(eventually([&] {
    return std::ranges::all_of(machine_->leftovers(),
                               [](const std::string& left) { return left.find("/sandboxes/") != left.npos; });
  })) << "only files";
  EXPECT_TRUE(done(DestroyRequest{"e"}));
  expect_nothing_left();

  SandboxInfo made = create(serve("k"));
  ::kill(made.pid, SIGKILL);
  exit = client_->event<ExitEvent>();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->sandbox.exit_code, 137);
  EXPECT_EQ(exit->sandbox.exit_reason, "killed by signal 9");
}

TEST_F(LauncherTest, LimitsHold) {
  CreateRequest request = serve("l");
  request.pids = 20;
  request.memory_bytes = 64 << 20;
  request.cpu_millis = 500;
  SandboxInfo made = create(request);
  EXPECT_EQ(ask(made.address, "forks"), "19 errno 11");
  CreateRequest unbounded = serve("u");
  unbounded.pids = 0;
  EXPECT_EQ(ask(create(unbounded).address, "forks"), "4095 errno 11") << "there is always a ceiling";
  EXPECT_TRUE(done(DestroyRequest{"u"}));
  EXPECT_EQ(ask(made.address, "memory"), "signal 9");
  EXPECT_EQ(ask(made.address, "read /etc/hostname"), "l\n") << "it goes on";
  ask(made.address, "memory-self");
  auto exit = client_->event<ExitEvent>(15000);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->sandbox.exit_reason, "killed: out of memory");
  EXPECT_TRUE(done(DestroyRequest{"l"}));
  expect_nothing_left();
}

TEST_F(LauncherTest, HoldsExactlyTheListedCapabilities) {
  SandboxInfo made = create(serve("c"));
  std::string status = ask(made.address, "read /proc/1/status");
  // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT = bits 0 1 3 4 5
  // 6 7 8 10 18
  for (const char* line :
       {"CapPrm:\t00000000000405fb", "CapEff:\t00000000000405fb", "CapBnd:\t00000000000405fb",
        "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    EXPECT_THAT(status, HasSubstr(line));
  EXPECT_THAT(status, HasSubstr("\nPid:\t1\n"));
  EXPECT_EQ(ask(made.address, "fds"), "0 1 2 3 4") << "3 is its listener, 4 this connection";
  EXPECT_THAT(ask(made.address, "read /proc/1/limits"), HasSubstr("Max core file size        0"));
}

TEST_F(LauncherTest, KernelInterfacesAreOutOfReach) {
  SandboxInfo made = create(serve("k"));
  for (const char* path : {"/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward",
                           "/proc/sys/vm/overcommit_memory", "/proc/irq/default_smp_affinity"})
    EXPECT_EQ(ask(made.address, std::string("write ") + path + " 1"), "errno 30") << path << ": read-only";
  EXPECT_EQ(ask(made.address, "write /sys/kernel/mm/transparent_hugepage/enabled never"), "errno 30");
  EXPECT_THAT(ask(made.address, "write /proc/sysrq-trigger h"), testing::AnyOf("errno 30", "errno 2"));
  EXPECT_THAT(ask(made.address, "read /proc/kcore"), testing::AnyOf("", "errno 2"));
  EXPECT_EQ(ask(made.address, "read /proc/iomem"), "");
  EXPECT_EQ(ask(made.address, "read /proc/kallsyms"), "");
  EXPECT_EQ(ask(made.address, "create /sys/fs/cgroup/x"), "errno 30");
  EXPECT_EQ(ask(made.address, "stat /dev/vda"), "errno 2");
  EXPECT_EQ(ask(made.address, "stat /dev/null"), "20666");
  for (const char* what : {"mount", "umount", "unshare-user", "unshare-mount", "ptrace", "bpf", "mknod",
                           "mknod-mem", "raw", "hostname", "handle"})
    EXPECT_EQ(ask(made.address, std::string("try ") + what), "errno 1") << what;
  EXPECT_EQ(ask(made.address, "try packet"), "errno 97");
  EXPECT_EQ(ask(made.address, "try chroot"), "ok") << "the one that is allowed";
  std::string mounts = ask(made.address, "read /proc/self/mountinfo");
  EXPECT_THAT(mounts, testing::Not(HasSubstr(machine_->path("")))) << "no path of the host";
  EXPECT_THAT(mounts, testing::Not(HasSubstr("- cgroup")));
  EXPECT_THAT(ask(made.address, "read /proc/self/cgroup"), testing::Not(HasSubstr("opensandbox")))
      << "its own group is the root of what it sees";
}

TEST_F(LauncherTest, ManyAtOnce) {
  std::vector<uint64_t> numbers;
  for (int i = 0; i < 100; i++) numbers.push_back(client_->send(serve("m" + std::to_string(i))));
  std::vector<SandboxInfo> made;
  std::map<uint64_t, ReplyBody> replies;
  while (replies.size() < numbers.size()) {
    auto reply = client_->receive();
    ASSERT_TRUE(reply);
    ASSERT_TRUE(std::holds_alternative<SandboxReply>(reply->body))
        << std::get<ErrorReply>(reply->body).message;
    replies[reply->number] = reply->body;
    made.push_back(std::get<SandboxReply>(reply->body).sandbox);
  }
  EXPECT_EQ(list().size(), 100u);
  EXPECT_EQ(ask(made.front().address, "read /etc/hostname"), made.front().id + "\n");
  EXPECT_EQ(ask(made.back().address, "read /etc/hostname"), made.back().id + "\n");
  for (const SandboxInfo& info : made) client_->send(DestroyRequest{info.id});
  EXPECT_TRUE(eventually([&] { return list().empty(); }, 20000));
  expect_nothing_left();
}

TEST_F(LauncherTest, ACreateOutlivesItsClient) {
  client_->send(serve("orphan"));
  client_.reset();
  client_.emplace(machine_->connect());
  EXPECT_TRUE(eventually([&] {
    auto all = list();
    return all.size() == 1 && ask(all[0].address, "read /etc/hostname") == "orphan\n";
  }));
}

TEST_F(LauncherTest, DestroyingWhatStillStarts) {
  uint64_t creating = client_->send(CreateRequest{.id = "h", .boot = "hang"});
  uint64_t destroying = client_->send(DestroyRequest{"h"});
  auto failed = client_->wait_for(creating);
  ASSERT_TRUE(std::holds_alternative<ErrorReply>(failed));
  EXPECT_EQ(std::get<ErrorReply>(failed).code, ErrorCode::conflict);
  EXPECT_TRUE(std::holds_alternative<DoneReply>(client_->wait_for(destroying)));
  expect_nothing_left();
}

TEST_F(LauncherTest, GarbageEndsAConnectionAndNothingElse) {
  Client other = machine_->connect();
  other.send_raw("garbage");
  EXPECT_FALSE(other.receive(5000));
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(LauncherTest, StrangersAreNotServed) {
  ::chmod(machine_->options().socket_path.c_str(), 0666);
  pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(12345, 12345, 12345) != 0) ::_exit(2);
    try {
      Client stranger(machine_->options().socket_path);
      ::_exit(stranger.receive(5000) ? 1 : 0);
    } catch (const std::exception&) {
      ::_exit(3);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "closed without a word";
}

TEST_F(LauncherTest, EndsWhenNothingIsLeftToDo) {
  create({.id = "e", .boot = "serve"});
  EXPECT_TRUE(done(DestroyRequest{"e"}));
  client_.reset();
  EXPECT_EQ(machine_->wait(), 0);
  EXPECT_FALSE(fs::exists(machine_->options().socket_path));
  EXPECT_FALSE(fs::exists("/sys/fs/cgroup/pids/" + machine_->names().cgroup));
  expect_nothing_left();
}

TEST_F(LauncherTest, ASignalEndsItWithItsSandboxes) {
  SandboxInfo made = create(serve("s"));
  EXPECT_EQ(machine_->stop(), 0);
  EXPECT_FALSE(fs::exists("/proc/" + std::to_string(made.pid)));
  expect_nothing_left();
}

TEST_F(LauncherTest, SandboxesDieWithAKilledLauncherAndTheNextOneSweeps) {
  SandboxInfo made = create(serve("dead"));
  create(serve("frozen"));
  EXPECT_TRUE(done(PauseRequest{"frozen"}));
  std::string boot_id = machine_->hello()->boot_id;
  machine_->kill(SIGKILL);
  machine_->wait();
  EXPECT_TRUE(eventually([&] { return ask(made.address, "fds") == "unreachable"; }));
  EXPECT_FALSE(machine_->leftovers().empty());
  client_.reset();
  machine_->start();
  client_.emplace(machine_->connect());
  EXPECT_NE(machine_->hello()->boot_id, boot_id);
  EXPECT_THAT(list(), IsEmpty());
  expect_nothing_left();
  create(serve("dead"));
}

// Something mounted by hand into a left directory cannot be moved to the trash.
TEST_F(LauncherTest, StartsBesideWhatCannotBeSwept) {
  client_.reset();
  machine_->stop();
  std::string stuck = machine_->path("state/launcher/sandboxes/stuck");
  fs::create_directories(stuck);
  ASSERT_EQ(::mount("none", stuck.c_str(), "tmpfs", 0, "size=4k"), 0);
  Defer unmount([&] { ::umount2(stuck.c_str(), MNT_DETACH); });
  machine_->start();
  client_.emplace(machine_->connect());
  create(serve("ok"));
  EXPECT_TRUE(fs::exists(stuck));
}

TEST_F(LauncherTest, ItsSocketMayLieDeeperThanASocketAddressReaches) {
  client_.reset();
  machine_->stop();
  std::string deep = machine_->path("state/" + std::string(100, 'd'));
  fs::create_directories(deep);
  machine_->options().socket_path = deep + "/launcher.sock";
  machine_->start();
  client_.emplace(machine_->connect());
  create(serve("ok"));
}

TEST_F(LauncherTest, TwoLaunchersSideBySide) {
  Machine other;
  other.start();
  Client client = other.connect();
  SandboxInfo here = create(serve("same"));
  SandboxInfo there = std::get<SandboxReply>(client.call(serve("same"))).sandbox;
  EXPECT_NE(here.address, there.address);
  EXPECT_EQ(ask(here.address, "read /etc/hostname"), "same\n");
  EXPECT_EQ(ask(there.address, "read /etc/hostname"), "same\n");
  EXPECT_NE(ask(here.address, "tcp " + there.address + " 44772"), "ok");
  EXPECT_EQ(other.stop(), 0);
  EXPECT_THAT(other.leftovers(), IsEmpty());
  EXPECT_EQ(ask(here.address, "read /etc/hostname"), "same\n");
}

TEST_F(LauncherTest, OneStateDirectoryOneLauncher) {
  pid_t child = ::fork();
  if (child == 0) {
    configure_log(LogLevel::error, ::open("/dev/null", O_WRONLY), "second");
    ::_exit(run_launcher(machine_->options()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 1 << 8);
  create(serve("still"));
}

TEST_F(LauncherTest, AdmissionLooksAtWhatIsInUse) {
  client_.reset();
  machine_->stop();
  machine_->options().max_memory_bytes = 1;
  machine_->start();
  client_.emplace(machine_->connect());
  create(serve("first"));
  EXPECT_EQ(refused(serve("second")).code, ErrorCode::exhausted);
}

class LauncherImages : public LauncherTest {
 protected:
  // A connection that asks for this first.
  Client ask_for(RequestBody body) {
    Client client = machine_->connect();
    number_ = client.send(std::move(body));
    return client;
  }
  ReplyBody answer(Client& client) { return client.wait_for(number_); }
  static void send_archive(Client& client, const std::string& bytes) {
    for (size_t at = 0; at < bytes.size(); at += 10'000) client.send(ArchivePiece{bytes.substr(at, 10'000)});
  }
  std::vector<std::string> store() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(machine_->options().images_dir))
      names.push_back(entry.path().filename());
    return names;
  }
  bool scratch() {
    auto names = store();
    return std::ranges::any_of(names, [](const std::string& name) { return name.starts_with(".import-"); });
  }
  // /proc/…/status of the processes that work on images for this launcher.
  std::vector<std::string> workers() {
    std::vector<std::string> found;
    std::string launcher = "/proc/" + std::to_string(machine_->pid());
    std::istringstream children(sys::read_text(
        AT_FDCWD, launcher + "/task/" + std::to_string(machine_->pid()) + "/children", 1 << 20));
    for (std::string pid; children >> pid;) {
      try {
        std::string text = sys::read_text(AT_FDCWD, "/proc/" + pid + "/status", 1 << 16);
        if (text.starts_with("Name:\tosb-image\n")) found.push_back(text);
      } catch (const Error&) {  // it has just ended
      }
    }
    return found;
  }

  const std::string archive_ = Tar().directory("etc").file("etc/ü", std::string(300'000, 'v')).finish();
  uint64_t number_ = 0;
};

TEST_F(LauncherImages, StoresUsesAndRemoves) {
  Client upload = ask_for(StoreImageRequest{"Registry.example:5000/team/tool:V1", false});
  send_archive(upload, archive_);
  upload.send(ArchiveEnd{});
  ReplyBody stored = answer(upload);
  ASSERT_TRUE(std::holds_alternative<ImageReply>(stored)) << std::get<ErrorReply>(stored).message;
  EXPECT_EQ(std::get<ImageReply>(stored).size, 300'000);
  std::string directory = encode_image_name("Registry.example:5000/team/tool:V1");
  fs::path root = fs::path(machine_->options().images_dir) / directory / "rootfs";
  EXPECT_EQ(fs::file_size(root / "etc/ü"), 300'000u);
  EXPECT_FALSE(scratch());

  SandboxInfo made = create(serve("user", directory));
  {
    Client refused = ask_for(RemoveImageRequest{"Registry.example:5000/team/tool:V1"});
    EXPECT_EQ(std::get<ErrorReply>(answer(refused)).code, ErrorCode::conflict);
  }
  EXPECT_TRUE(done(DestroyRequest{"user"}));
  Client removal = ask_for(RemoveImageRequest{"Registry.example:5000/team/tool:V1"});
  EXPECT_TRUE(std::holds_alternative<DoneReply>(answer(removal)));
  EXPECT_FALSE(fs::exists(root));
  EXPECT_TRUE(eventually([&] { return workers().empty(); }));
}

// While it reads what nobody vouches for.
TEST_F(LauncherImages, TheWorkerMayDoNothingButFiles) {
  Client upload = ask_for(StoreImageRequest{"slow", false});
  send_archive(upload, archive_.substr(0, 100'000));
  ASSERT_TRUE(eventually([&] { return scratch() && workers().size() == 1; }));
  std::string status = workers().at(0);
  uint64_t files = sys::capability_set({CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP});
  char mask[32];
  snprintf(mask, sizeof mask, "%016lx\n", files);
  for (const char* set : {"CapPrm:\t", "CapEff:\t", "CapBnd:\t"})
    EXPECT_THAT(status, HasSubstr(set + std::string(mask)));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2\n"));
  std::string pid = status.substr(status.find("\nPid:\t") + 6);
  std::string proc = "/proc/" + pid.substr(0, pid.find('\n'));
  EXPECT_EQ(fs::read_symlink(proc + "/root"), fs::canonical(machine_->options().images_dir));
  EXPECT_NE(fs::read_symlink(proc + "/ns/net"), fs::read_symlink("/proc/self/ns/net"));
  std::vector<std::string> open;
  for (const auto& entry : fs::directory_iterator(proc + "/fd")) {
    std::string target = fs::read_symlink(entry.path());
    if (!target.starts_with("socket:") && !target.starts_with("/dev/null") &&
        !target.starts_with(fs::canonical(machine_->options().images_dir).string()) &&
        entry.path().filename().string() > "2")
      open.push_back(target);
  }
  EXPECT_THAT(open, IsEmpty());
}

TEST_F(LauncherImages, HalfSentOnesLeaveNothing) {
  {
    Client upload = ask_for(StoreImageRequest{"half", false});
    send_archive(upload, archive_);  // all of it, but not its end
    ASSERT_TRUE(eventually([&] { return scratch(); }));
  }
  EXPECT_TRUE(eventually([&] { return !scratch() && workers().empty(); }));
  std::vector<std::string> left = store();
  std::ranges::sort(left);
  EXPECT_EQ(left, (std::vector<std::string>{".lock", "tiny"}));
}

TEST_F(LauncherImages, BadOnesAreRefusedAndTheLauncherGoesOn) {
  Client upload = ask_for(StoreImageRequest{"bad", false});
  send_archive(upload, Tar().symlink("out", "/etc").file("out/escape").finish());
  upload.send(ArchiveEnd{});
  EXPECT_EQ(std::get<ErrorReply>(answer(upload)).code, ErrorCode::invalid);
  EXPECT_FALSE(fs::exists("/etc/escape"));
  EXPECT_FALSE(scratch());
  EXPECT_EQ(refused(ArchivePiece{"x"}).code, ErrorCode::invalid);
  EXPECT_EQ(refused(ArchiveEnd{}).code, ErrorCode::invalid);
  create(serve("still"));
}

TEST_F(LauncherImages, ThereIsALimitOfWorkers) {
  std::vector<Client> uploads;
  for (int i = 0; i < 16; ++i) {
    uploads.push_back(ask_for(StoreImageRequest{"n" + std::to_string(i), false}));
    // Only so many may be connected at a time; a worker's connection does not count.
    ASSERT_TRUE(eventually([&] { return workers().size() == uploads.size(); }));
  }
  Client late = ask_for(StoreImageRequest{"late", false});
  EXPECT_EQ(std::get<ErrorReply>(answer(late)).code, ErrorCode::unavailable);
  uploads.clear();
  ASSERT_TRUE(eventually([&] { return workers().empty(); }));
  Client next = ask_for(RemoveImageRequest{"none"});
  EXPECT_EQ(std::get<ErrorReply>(answer(next)).code, ErrorCode::not_found);
}

TEST_F(LauncherImages, WorkersDieWithAKilledLauncherAndTheNextOneSweeps) {
  Client upload = ask_for(StoreImageRequest{"dead", false});
  send_archive(upload, archive_.substr(0, 100'000));
  ASSERT_TRUE(eventually([&] { return scratch(); }));
  machine_->kill(SIGKILL);
  machine_->wait();
  EXPECT_TRUE(eventually([&] { return !upload.receive(10).has_value() && upload.gone(); }));
  EXPECT_TRUE(scratch());
  client_.reset();
  machine_->start();
  client_.emplace(machine_->connect());
  EXPECT_TRUE(eventually([&] { return !scratch(); }));
}

}  // namespace
}  // namespace osb::launcher::test
