#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "store/sandboxes.h"

namespace osb::store {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/osb-store-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/server.db";
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  static SandboxRow row(std::string id) {
    SandboxRow row;
    row.phase = Phase::running;
    row.sandbox.id = std::move(id);
    row.sandbox.image = "host";
    row.sandbox.platform = api::Platform{"linux", "amd64"};
    row.sandbox.status = {api::SandboxState::running, "WHY", "because", from_unix_us(1'700'000'000'000'001)};
    row.sandbox.metadata = {{"team", "a"}, {"empty", ""}};
    row.sandbox.extensions = {{"opensandbox.extensions.x", "1"}};
    row.sandbox.entrypoint = {"tail", "-f", "a \"b\"\n"};
    row.sandbox.expires_at = from_unix_us(1'700'000'600'000'001);
    row.sandbox.created_at = from_unix_us(1'700'000'000'000'001);
    row.limits = {{"cpu", "1"}};
    row.token = "secret";
    row.address = "10.0.0.2";
    return row;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  {
    Database database(path_);
    SandboxStore store(database);
    store.put(row("a"));
    SandboxRow manual = row("b");
    manual.sandbox.expires_at.reset();
    manual.sandbox.platform.reset();
    manual.phase = Phase::creating;
    manual.sandbox.created_at = from_unix_us(1'800'000'000'000'000);
    store.put(manual);
  }
  Database database(path_);
  auto rows = SandboxStore(database).load();
  ASSERT_EQ(rows.size(), 2u);
  SandboxRow want = row("a");
  EXPECT_EQ(rows[0].phase, Phase::running);
  EXPECT_EQ(api::sandbox_json(rows[0].sandbox), api::sandbox_json(want.sandbox));
  EXPECT_EQ(rows[0].limits, want.limits);
  EXPECT_EQ(rows[0].token, "secret");
  EXPECT_EQ(rows[0].address, "10.0.0.2");
  EXPECT_EQ(rows[1].phase, Phase::creating);
  EXPECT_EQ(rows[1].sandbox.status.state, api::SandboxState::pending);
  EXPECT_FALSE(rows[1].sandbox.expires_at);
  EXPECT_FALSE(rows[1].sandbox.platform);
}

TEST_F(StoreTest, ReplacesAndRemoves) {
  Database database(path_);
  SandboxStore store(database);
  store.put(row("a"));
  SandboxRow changed = row("a");
  changed.phase = Phase::paused;
  store.put(changed);
  store.put(row("b"));
  store.remove("b");
  store.remove("never there");
  auto rows = store.load();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].phase, Phase::paused);
}

TEST_F(StoreTest, LeavesOutARowThatCannotBeRead) {
  Database database(path_);
  SandboxStore store(database);
  store.put(row("a"));
  store.put(row("b"));
  database.execute("UPDATE sandboxes SET metadata = '{' WHERE id = 'a'");
  auto rows = store.load();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].sandbox.id, "b");
}

TEST_F(StoreTest, KeepsOthersOff) {
  Database database(path_);
  SandboxStore store(database);
  try {
    Database second(path_);
    FAIL() << "a second one could open it";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::conflict);
    EXPECT_THAT(e.message(), testing::HasSubstr("another server"));
  }
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(StoreTest, RefusesADatabaseFromTheFuture) {
  {
    Database database(path_);
    database.execute("PRAGMA user_version=99");
  }
  Database database(path_);
  try {
    SandboxStore store(database);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::unsupported);
  }
}

// A child opens the database as root in a folder that only root may enter, becomes nobody, and goes on
// writing, through checkpoints of the journal.
TEST_F(StoreTest, NeedsNoPathAfterItIsOpen) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give it up";
  ::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      Database database(path_);
      SandboxStore store(database);
      if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
      if (::access(path_.c_str(), F_OK) == 0) ::_exit(3);
      for (int i = 0; i < 3000; i++) store.put(row(std::to_string(i)));
      for (int i = 0; i < 2999; i++) store.remove(std::to_string(i));
      status = store.load().size() == 1 ? 0 : 4;
    } catch (const std::exception& e) {
      ::fprintf(stderr, "%s\n", e.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Database database(path_);
  EXPECT_EQ(SandboxStore(database).load().size(), 1u);
}

// What was committed is there after the process was killed in the middle of its work.
TEST_F(StoreTest, SurvivesAKill) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  ::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    try {
      Database database(path_);
      SandboxStore store(database);
      for (int i = 0; i < 100; i++) store.put(row(std::to_string(i)));
      (void)!::write(ready[1], "x", 1);
      for (int i = 100;; i++) store.put(row(std::to_string(i)));
    } catch (...) {
      ::_exit(1);
    }
  }
  char c;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  Database database(path_);
  EXPECT_GE(SandboxStore(database).load().size(), 100u);
}

}  // namespace
}  // namespace osb::store
