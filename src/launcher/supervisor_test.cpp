// The supervisor runs /proc/self/exe, which is this test program: called as `… supervisor …` or `… launcher
// …` it plays that role before main() and never reaches the tests. The launcher played here says hello and
// obeys files in its state directory.
#include "launcher/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/error.h"
#include "base/ids.h"
#include "launcher/launcher_socket.h"
#include "launcher/privileges.h"
#include "launcher/protocol.h"
#include "sys/tree.h"

namespace osb::launcher {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

[[noreturn]] void play_launcher(const std::string& state) {
  if (exists(state + "/broken")) {
    static constexpr char text[] = "the launcher is broken on purpose\n";
    [[maybe_unused]] ssize_t n = ::write(2, text, sizeof text - 1);
    ::_exit(1);
  }
  Fd lock(::open((state + "/launcher/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!sys::lock_file(lock.get(), sys::Lock::exclusive, false)) {
    write_text(state + "/two-launchers", "");
    ::_exit(1);
  }
  write_text(state + "/launcher.pid", std::to_string(::getpid()));
  write_text(state + "/supervisor.pid", std::to_string(::getppid()));
  std::string path = state + "/run/launcher.sock";
  ::unlink(path.c_str());
  int listener = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  ::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 8) != 0)
    ::_exit(2);
  std::string hello = encode(Reply{0, HelloEvent{kProtocolVersion, "boot-" + std::to_string(::getpid())}});
  while (!exists(state + "/leave")) {
    if (!wait_readable(listener, 5)) continue;
    Fd connection(::accept(listener, nullptr, nullptr));
    ::send(connection.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
    wait_readable(connection.get(), 50);
  }
  ::_exit(0);
}

__attribute__((constructor)) void play(int argc, char** argv) {
  if (argc < 3) return;
  std::string role = argv[1];
  if (role == "launcher") play_launcher(argv[2]);
  if (role == "supervisor") ::_exit(run_supervisor(std::vector<std::string>(argv + 2, argv + argc)));
}

class StateFixture : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    char path[] = "/tmp/osb-state-XXXXXX";
    ASSERT_TRUE(::mkdtemp(path));
    path_ = path;
    ASSERT_EQ(::chmod(path, 0755), 0);
  }
  void TearDown() override {
    if (path_.empty()) return;
    stop();
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sys::remove_tree(tmp.get(), path_.substr(5));
  }
  void stop() {
    write_text(path_ + "/leave", "");
    wait_for([&] { return !supervisor_alive(); });
  }
  pid_t pid_of(const std::string& role) { return ::atoi(read_text(path_ + "/" + role + ".pid").c_str()); }
  // By its lock: a pid may be somebody else's by now.
  bool supervisor_alive() {
    Fd lock(::open((path_ + "/run/supervisor.lock").c_str(), O_RDWR | O_CLOEXEC));
    return lock && !sys::lock_file(lock.get(), sys::Lock::exclusive, false);
  }
  static void wait_for(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) ::usleep(5000);
    EXPECT_TRUE(condition());
  }
  void ensure(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    StateDirectory state = StateDirectory::open(path_);
    ensure_supervisor(
        state, {.launcher_arguments = {path_}, .environment = {"PATH=/usr/bin:/bin"}, .start_limit = limit});
  }
  std::string path_;
};
using Supervision = StateFixture;
using State = StateFixture;

TEST_F(Supervision, StartsOnceAndIsAdopted) {
  ensure();
  pid_t launcher = pid_of("launcher"), supervisor = pid_of("supervisor");
  EXPECT_TRUE(supervisor_alive());
  ensure();
  EXPECT_EQ(pid_of("launcher"), launcher);
  EXPECT_EQ(pid_of("supervisor"), supervisor);
  EXPECT_EQ(::getsid(supervisor) == ::getsid(0), false);
  EXPECT_NE(::getsid(supervisor), supervisor);  // no session leader
  // Nothing of ours stays open in it but its lock, its log and the log's directory.
  for (int fd : {0, 1, 2, 3, 4})
    EXPECT_TRUE(exists("/proc/" + std::to_string(supervisor) + "/fd/" + std::to_string(fd)));
  wait_for([&] { return !exists("/proc/" + std::to_string(supervisor) + "/fd/5"); });  // closed after exec
  // Its lock in particular does not reach the launcher, whose descriptor 3 is a lock of its own.
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(launcher) + "/fd/3").string(),
            path_ + "/launcher/lock");
}

TEST_F(Supervision, RestartsAKilledLauncher) {
  ensure();
  pid_t first = pid_of("launcher");
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  wait_for([&] { return pid_of("launcher") != first; });
  ensure();
  EXPECT_NE(read_text(path_ + "/launcher/launcher.log").find("signal: killed"), std::string::npos);
}

TEST_F(Supervision, EndsWithALauncherThatIsDone) {
  ensure();
  write_text(path_ + "/leave", "");
  wait_for([&] { return !supervisor_alive(); });
  ASSERT_EQ(::unlink((path_ + "/leave").c_str()), 0);
  ensure();  // and a new one can be started
  EXPECT_TRUE(supervisor_alive());
}

TEST_F(Supervision, TerminateEndsTheLauncher) {
  ensure();
  pid_t launcher = pid_of("launcher");
  ASSERT_EQ(::kill(pid_of("supervisor"), SIGTERM), 0);
  wait_for([&] { return !supervisor_alive(); });
  EXPECT_NE(::kill(launcher, 0), 0);
}

TEST_F(Supervision, KilledSupervisorIsReplacedWhileItsLauncherGoesOn) {
  ensure();
  pid_t launcher = pid_of("launcher"), first = pid_of("supervisor");
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  wait_for([&] { return !supervisor_alive(); });
  ensure();
  EXPECT_TRUE(supervisor_alive());
  EXPECT_EQ(pid_of("launcher"), launcher);
  ASSERT_EQ(::kill(launcher, SIGKILL), 0);
  wait_for([&] { return pid_of("launcher") != launcher; });
  EXPECT_NE(pid_of("supervisor"), first);
  EXPECT_FALSE(exists(path_ + "/two-launchers"));
}

TEST_F(Supervision, EndsWithABrokenLauncherThatNoServerNeeds) {
  write_text(path_ + "/broken", "");
  StateDirectory state = StateDirectory::open(path_);
  Fd server = state.lock_for_server();
  EXPECT_THROW(ensure(std::chrono::milliseconds(1500)), Error);
  EXPECT_TRUE(supervisor_alive()) << "as long as a server is there it tries again";
  server.reset();
  wait_for([&] { return !supervisor_alive(); });
}

TEST_F(Supervision, BrokenLauncherIsAnErrorWithItsLog) {
  Fd server = StateDirectory::open(path_).lock_for_server();
  write_text(path_ + "/broken", "");
  try {
    ensure(std::chrono::milliseconds(400));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_NE(error.message().find("broken on purpose"), std::string::npos) << error.message();
  }
  ASSERT_EQ(::unlink((path_ + "/broken").c_str()), 0);  // the next attempt works
  wait_for([&] { return exists(path_ + "/launcher.pid"); });
}

TEST_F(State, LogIsRotated) {
  Fd dir(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  sys::write_all(open_launcher_log(dir.get(), 10).get(), "twelve bytes", "writing");
  sys::write_all(open_launcher_log(dir.get(), 10).get(), "new", "writing");
  sys::write_all(open_launcher_log(dir.get(), 10).get(), "er", "writing");
  EXPECT_EQ(read_text(path_ + "/launcher.log"), "newer");
  EXPECT_EQ(read_text(path_ + "/launcher.log.1"), "twelve bytes");
}

TEST_F(State, ALogInUseIsRotatedUnderItsWriter) {
  Fd dir(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fd writer = open_launcher_log(dir.get(), 10), other(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  sys::write_all(writer.get(), "twelve bytes", "writing");
  bound_launcher_log(dir.get(), {writer.get(), other.get()}, 20);
  sys::write_all(writer.get(), "twelve more", "writing");
  bound_launcher_log(dir.get(), {writer.get(), other.get()}, 20);
  sys::write_all(writer.get(), "new", "writing");
  sys::write_all(other.get(), "elsewhere", "writing");
  EXPECT_EQ(read_text(path_ + "/launcher.log"), "new");
  EXPECT_EQ(read_text(path_ + "/launcher.log.1"), "twelve bytestwelve more");
}

TEST_F(State, IsLaidOutAndKept) {
  write_text(path_ + "/foreign", "mine");
  ASSERT_EQ(::chown((path_ + "/foreign").c_str(), 1234, 1234), 0);
  uint32_t uid;
  {
    StateDirectory state = StateDirectory::open(path_);
    uid = state.server_uid();
    EXPECT_GE(uid, 2'000'000'000u);
    EXPECT_LT(uid, 2'100'000'000u);
    EXPECT_EQ(state.images_path(), path_ + "/images");
  }
  auto look = [&](const std::string& name) {
    struct stat st{};
    EXPECT_EQ(::lstat((path_ + "/" + name).c_str(), &st), 0) << name;
    return st;
  };
  EXPECT_EQ(look("server").st_mode, S_IFDIR | 0700u);
  EXPECT_EQ(look("server").st_uid, uid);
  EXPECT_EQ(look("launcher").st_mode, S_IFDIR | 0700u);
  EXPECT_EQ(look("launcher").st_uid, 0u);
  EXPECT_EQ(look("run").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(look("images").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(look("foreign").st_uid, 1234u);
  // A directory that moved keeps its server's uid; another place has another one.
  EXPECT_NE(StateDirectory::open(path_ + "/elsewhere/state").server_uid(), uid);
  ASSERT_EQ(::rename((path_ + "/server").c_str(), (path_ + "/elsewhere/server").c_str()), 0);
  EXPECT_EQ(StateDirectory::open(path_ + "/elsewhere").server_uid(), uid);
}

TEST_F(State, TrapsAreRefused) {
  auto refused = [&] {
    try {
      StateDirectory::open(path_);
      return false;
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid;
    }
  };
  for (const char* part : {"server", "launcher", "run", "images"}) {
    std::string path = path_ + "/" + part;
    ASSERT_EQ(::symlink("/tmp", path.c_str()), 0);
    EXPECT_TRUE(refused()) << part << " as a link";
    ::unlink(path.c_str());
    write_text(path, "");
    EXPECT_TRUE(refused()) << part << " as a file";
    ::unlink(path.c_str());
    ::rmdir(path.c_str());
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    ASSERT_EQ(::chown(path.c_str(), 1234, 1234), 0);
    EXPECT_TRUE(refused()) << part << " of somebody else";
    ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
    if (std::string(part) != "server") {
      EXPECT_TRUE(refused()) << part << " writable by all";
    }
    ::rmdir(path.c_str());
  }
}

TEST_F(State, IsRefusedWhereSandboxesOfTheHostImageSeeIt) {
  for (std::string path :
       {"/usr/osb-state-test", "/usr/local/../osb-state-test/deep", "/lib/osb-state-test"}) {
    try {
      StateDirectory::open(path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid);
      EXPECT_NE(error.message().find("/usr"), std::string::npos) << error.message();
    }
  }
  EXPECT_FALSE(exists("/usr/osb-state-test"));
}

// A server that was taken over owns its directory; the next start is root's.
TEST_F(State, ALockThatIsAPipeHoldsNobodyUp) {
  StateDirectory state = StateDirectory::open(path_);
  ASSERT_EQ(::mkfifo((path_ + "/server/server.lock").c_str(), 0666), 0);
  ::alarm(10);
  EXPECT_TRUE(state.lock_for_server());
  ::alarm(0);
}

TEST_F(State, OneServerAtATime) {
  StateDirectory state = StateDirectory::open(path_);
  Fd lock = state.lock_for_server();
  try {
    StateDirectory::open(path_).lock_for_server();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
    EXPECT_NE(error.message().find(path_), std::string::npos);
  }
  lock.reset();
  EXPECT_TRUE(state.lock_for_server());
}

// Runs `check` in a child and expects it to come to its end with true.
void in_child(const std::function<bool()>& check) {
  pid_t pid = ::fork();
  if (pid == 0) {
    try {
      ::_exit(check() ? 0 : 1);
    } catch (const std::exception& error) {
      ::fprintf(stderr, "%s\n", error.what());
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(State, RootIsGivenUpForGood) {
  constexpr uint32_t uid = 2'000'000'123;
  std::string private_file = path_ + "/private";
  write_text(private_file, "secret");
  ASSERT_EQ(::chmod(private_file.c_str(), 0600), 0);
  in_child([&] {
    drop_privileges(uid);
    return ::geteuid() == uid && ::getegid() == uid && ::setuid(0) != 0 && ::seteuid(0) != 0 &&
           ::setgid(0) != 0 && ::access(private_file.c_str(), R_OK) != 0;
  });
  in_child([&] {
    lower_privileges(uid);
    // Low ports, but root's files are not written, nor does anything new belong to root.
    int fd = ::open(private_file.c_str(), O_WRONLY);
    int tcp = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_storage address{.ss_family = AF_INET6};
    *reinterpret_cast<uint16_t*>(address.__ss_padding) = htobe16(981);
    if (fd >= 0 || ::bind(tcp, reinterpret_cast<sockaddr*>(&address), 28) != 0) return false;
    drop_privileges(uid);
    return ::setuid(0) != 0 && ::seteuid(0) != 0 && ::access(private_file.c_str(), R_OK) != 0;
  });
  in_child([&] {  // no user named
    try {
      drop_privileges(0);
      return false;
    } catch (const Error&) {
      return true;
    }
  });
}

// The way an unprivileged server reaches things: through descriptors it was given while root.
TEST_F(State, DescriptorsReachWhereTheirUserCannot) {
  ASSERT_EQ(::mkdir((path_ + "/run").c_str(), 0755), 0);
  int listener = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::string socket = path_ + "/run/launcher.sock";
  ::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::chmod(socket.c_str(), 0666), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 0700), 0);
  in_child([&] {
    Fd run(::open((path_ + "/run").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    drop_privileges(2'000'000'123);
    return !exists(socket) && connect_launcher(run.get(), 0).ok() && !connect_launcher(run.get(), 5).ok();
  });
  ::close(listener);
}

}  // namespace
}  // namespace osb::launcher
