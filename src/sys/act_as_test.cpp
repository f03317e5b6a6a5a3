#include "sys/act_as.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <semaphore>
#include <thread>

#include "base/error.h"
#include "base/fd.h"

namespace osb::sys {
namespace {

class ActingAs : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can act as others";
    char name[] = "/tmp/osb-act-XXXXXX";
    ASSERT_TRUE(::mkdtemp(name));
    dir_ = name;
    ::chmod(name, 0755);
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  template <class F>
  void on_thread(F work) {
    std::thread(work).join();
  }
  void make(const std::string& name, uid_t uid, gid_t gid, mode_t mode) {
    std::ofstream(path(name)) << "x";
    ASSERT_EQ(::chown(path(name).c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  std::string path(const std::string& name) { return dir_ + "/" + name; }
  bool opens(const std::string& name, int flags = O_RDONLY) {
    return static_cast<bool>(Fd(::open(path(name).c_str(), flags | O_CLOEXEC)));
  }

  std::string dir_;
};

TEST_F(ActingAs, TheKernelChecksAsThatUser) {
  make("root", 0, 0, 0600);
  make("own", 1000, 1000, 0600);
  make("group", 0, 2000, 0640);
  make("other_group", 0, 2001, 0640);
  on_thread([&] {
    ActAs as({1000, 1000, {2000}});
    EXPECT_FALSE(opens("root"));
    EXPECT_EQ(errno, EACCES);
    EXPECT_TRUE(opens("own", O_RDWR));
    EXPECT_TRUE(opens("group"));
    EXPECT_FALSE(opens("other_group"));
    EXPECT_NE(::chmod(path("root").c_str(), 0777), 0);
    EXPECT_NE(::chown(path("own").c_str(), 0, 0), 0);
    EXPECT_NE(::unlink(path("root").c_str()), 0);
  });
}

TEST_F(ActingAs, ComesBackToItself) {
  make("root", 0, 0, 0600);
  on_thread([&] {
    std::vector<gid_t> groups(static_cast<size_t>(::getgroups(0, nullptr)));
    for (int i = 0; i < 3; ++i) {
      {
        ActAs as({1000, 1000, {7, 8, 9}});
      }
      EXPECT_FALSE(ActAs::active());
      EXPECT_TRUE(opens("root", O_RDWR));
      EXPECT_EQ(::chown(path("root").c_str(), 5, 5), 0);
      EXPECT_EQ(static_cast<size_t>(::getgroups(0, nullptr)), groups.size());
    }
  });
  EXPECT_TRUE(opens("root"));
}

TEST_F(ActingAs, OtherThreadsStayAsTheyAre) {
  make("root", 0, 0, 0600);
  std::binary_semaphore acts{0}, looked{0};
  std::thread actor([&] {
    ActAs as({1000, 1000, {}});
    EXPECT_FALSE(opens("root"));
    acts.release();
    looked.acquire();
  });
  acts.acquire();
  EXPECT_TRUE(opens("root"));
  looked.release();
  actor.join();
}

TEST_F(ActingAs, RefusesWhatIsNoIdentity) {
  on_thread([&] {
    EXPECT_THROW(ActAs({static_cast<uid_t>(-1), 0, {}}), Error);
    EXPECT_THROW(ActAs({0, static_cast<gid_t>(-1), {}}), Error);
    EXPECT_THROW(ActAs({1, 1, std::vector<gid_t>(70'000, 1)}), Error);
    ActAs as({1, 1, {}});
    EXPECT_THROW(ActAs({2, 2, {}}), Error);
    EXPECT_TRUE(ActAs::active());
  });
  EXPECT_THROW(ActAs({1, 1, {}}), Error);  // the main thread
}

// What a process of the user tries against a thread that acts as him: one bit for each success.
int attack(pid_t pid, pid_t tid) {
  int success = 0;
  if (::syscall(SYS_tgkill, pid, tid, 0) == 0) success |= 1;
  if (::kill(pid, 0) == 0) success |= 2;
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0) success |= 4;
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(tid), 19) == 0) success |= 8;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/mem", pid, tid);
  if (::open(path, O_RDWR | O_CLOEXEC) >= 0) success |= 16;
  return success;
}

// The point of leaving the real, effective and saved ids alone.
TEST_F(ActingAs, TheUserCannotReachTheThread) {
  Pipe tell = make_pipe();
  pid_t pid = ::getpid();
  pid_t user = ::fork();
  if (user == 0) {
    pid_t tid = 0;
    bool ready =
        ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, 1000, 1000, 1000) == 0 &&
        ::syscall(SYS_setresuid, 1000, 1000, 1000) == 0 && ::read(tell.read.get(), &tid, sizeof tid) > 0;
    ::_exit(ready ? attack(pid, tid) : 255);
  }
  on_thread([&] {
    ActAs as({1000, 1000, {}});
    pid_t tid = static_cast<pid_t>(::syscall(SYS_gettid));
    ASSERT_EQ(::write(tell.write.get(), &tid, sizeof tid), static_cast<ssize_t>(sizeof tid));
    int status = 0;
    ASSERT_EQ(::waitpid(user, &status, 0), user);
    EXPECT_EQ(status, 0);
  });
}

TEST_F(ActingAs, TheProcessStaysAsTraceableAsItWas) {
  int before = ::prctl(PR_GET_DUMPABLE);
  on_thread([&] {
    ActAs as({1000, 1000, {}});
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), before);
  });
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), before);
}

}  // namespace
}  // namespace osb::sys
