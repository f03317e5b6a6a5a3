#include "execd/files/watch_tree.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using Kind = Change::Kind;

class Watching : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/osb-watch-XXXXXX";
    ASSERT_TRUE(::mkdtemp(name));
    top_ = name;
    dir_ = top_ + "/dir";
    fs::create_directory(dir_);
  }
  void TearDown() override { fs::remove_all(top_); }

  void watch(bool recursive, size_t limit = WatchTree::kMaxWatches) {
    tree_.emplace(dir_, recursive, limit);
    while (!tree_->prepare(std::chrono::milliseconds(50))) {}
  }
  void write(const std::string& name, const std::string& text = "x") {
    std::ofstream(dir_ + "/" + name) << text;
  }
  void make(const std::string& name) { fs::create_directories(dir_ + "/" + name); }
  void move(const std::string& from, const std::string& to) {
    ASSERT_EQ(::rename(path(from).c_str(), path(to).c_str()), 0) << from;
  }
  std::string path(const std::string& name) { return name.starts_with('/') ? name : dir_ + "/" + name; }

  // Everything that has changed, as short texts.
  std::vector<std::string> changes(bool settle = true) {
    std::vector<Change> all;
    while (tree_->step(std::chrono::milliseconds(50), settle, all)) {}
    std::vector<std::string> out;
    for (const Change& change : all) out.push_back(text(change));
    return out;
  }
  std::string text(const Change& change) {
    static const char* const kNames[] = {"created", "modified", "attributes", "deleted", "moved", "overflow"};
    auto relative = [&](const std::string& p) {
      EXPECT_TRUE(p.starts_with(dir_)) << p;
      return p == dir_ ? "." : p.substr(dir_.size() + 1);
    };
    std::string out = std::string(kNames[static_cast<int>(change.kind)]) + " " + relative(change.path);
    if (change.kind == Kind::overflow) return out + " " + std::string(change.reason);
    if (!change.to.empty()) out += " " + relative(change.to);
    return out + (change.directory ? "/" : "");
  }

  std::string top_, dir_;
  std::optional<WatchTree> tree_;
};

TEST_F(Watching, OneDirectory) {
  make("sub");
  write("old");
  watch(false);
  EXPECT_THAT(changes(), IsEmpty());
  write("new");
  write("old", "more");
  write("sub/unseen");
  fs::permissions(path("old"), fs::perms(0600));
  move("new", "newer");
  fs::remove(path("old"));
  make("dir");
  EXPECT_THAT(changes(), ElementsAre("created new", "modified new", "modified old", "attributes old",
                                     "moved new newer", "deleted old", "created dir/"));
  write("dir/unseen");
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(Watching, ATreeAsItGrows) {
  make("a/b");
  watch(true);
  write("a/b/f");
  EXPECT_THAT(changes(), ElementsAre("created a/b/f", "modified a/b/f"));
  make("c/d/e");
  write("c/d/e/f");
  EXPECT_THAT(changes(), ElementsAre("created c/", "created c/d/", "created c/d/e/", "created c/d/e/f"));
  write("c/d/e/f", "again");
  EXPECT_THAT(changes(), ElementsAre("modified c/d/e/f"));
}

// Files that appear between the making of a directory and its watch, and those behind it, come once each.
TEST_F(Watching, NothingInNewDirectoriesIsMissedOrDoubled) {
  watch(true);
  std::set<std::string> made;
  for (int i = 0; i < 300; ++i) made.insert("d" + std::to_string(i) + "/s/f");
  std::thread maker([&] {
    for (int i = 0; i < 300; ++i) {
      std::string name = "d" + std::to_string(i);
      make(name + "/s");
      write(name + "/s/f");
    }
  });
  std::multiset<std::string> seen;
  for (bool made_all = false;;) {
    for (const std::string& change : changes(false))
      if (change.starts_with("created") && change.ends_with("/f")) seen.insert(change.substr(8));
    if (made_all) break;
    made_all = seen.size() >= made.size() || fs::exists(path("d299/s/f"));
    if (made_all) maker.join();
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()), made);
  EXPECT_EQ(seen.size(), made.size());
}

TEST_F(Watching, MovedDirectoriesKeepTheirWatch) {
  make("a/b/c");
  watch(true);
  move("a/b", "z");
  write("z/c/f");
  EXPECT_THAT(changes(), ElementsAre("moved a/b z/", "created z/c/f", "modified z/c/f"));
  move("z", top_ + "/outside");
  EXPECT_THAT(changes(), ElementsAre("deleted z/"));
  std::ofstream(top_ + "/outside/c/g") << "x";
  EXPECT_THAT(changes(), IsEmpty());
  move(top_ + "/outside", "back");
  EXPECT_THAT(changes(),
              ElementsAre("created back/", "created back/c/", "created back/c/f", "created back/c/g"));
  write("back/c/h");
  EXPECT_THAT(changes(), Contains("created back/c/h"));
}

TEST_F(Watching, AMoveMayComeInTwoHalves) {
  write("a");
  write("b");
  watch(false);
  move("a", top_ + "/a");
  EXPECT_THAT(changes(false), IsEmpty());
  EXPECT_TRUE(tree_->unsettled());
  EXPECT_THAT(changes(true), ElementsAre("deleted a"));
  EXPECT_FALSE(tree_->unsettled());
  move(top_ + "/a", "c");
  EXPECT_THAT(changes(), ElementsAre("created c"));
  // The name is taken again before the other half could come.
  move("b", top_ + "/b");
  write("b", "");
  EXPECT_THAT(changes(), testing::ElementsAre("deleted b", "created b", "modified b"));
}

TEST_F(Watching, AFileIsWatchedByItsName) {
  write("f");
  write("other");
  dir_ += "/f";
  watch(true);
  std::ofstream(dir_) << "more";
  std::string base = dir_;
  dir_ = dir_.substr(0, dir_.size() - 2);
  write("other", "x");
  write("tmp");
  EXPECT_THAT(changes(), ElementsAre("modified f"));
  move("tmp", "f");  // as editors do
  EXPECT_THAT(changes(), ElementsAre("created f"));
  write("f", "still watched");
  EXPECT_THAT(changes(), ElementsAre("modified f"));
  fs::remove(path("f"));
  EXPECT_THAT(changes(), ElementsAre("deleted f"));
  EXPECT_FALSE(tree_->ended());
}

TEST_F(Watching, EndsWithWhatItWatches) {
  watch(true);
  fs::remove(dir_);
  EXPECT_THAT(changes(), ElementsAre("deleted ./"));
  EXPECT_TRUE(tree_->ended());
  fs::create_directory(dir_);
  watch(true);
  ASSERT_EQ(::rename(dir_.c_str(), (top_ + "/elsewhere").c_str()), 0);
  EXPECT_THAT(changes(), ElementsAre("deleted ./"));
  EXPECT_TRUE(tree_->ended());
}

TEST_F(Watching, TheNumberOfWatchesIsLimited) {
  for (int i = 0; i < 10; ++i) make("d" + std::to_string(i));
  watch(true, 5);
  EXPECT_THAT(changes(), ElementsAre("overflow . watches"));
  write("d0/f");
  write("d9/f");
  EXPECT_THAT(changes(), ElementsAre("created d0/f", "modified d0/f"));
  make("e");
  EXPECT_THAT(changes(), ElementsAre("created e/"));  // told once
}

TEST_F(Watching, AnOverflowedQueueIsToldAndTheWatchesAreMadeAnew) {
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  int queue = 0;
  if (!(limit >> queue) || queue > 100'000) GTEST_SKIP() << "the queue is too long to fill";
  make("a");
  watch(true);
  for (int i = 0; i < queue / 2 + 10; ++i) {
    write("f", "");
    fs::remove(path("f"));
  }
  move("a", "b");  // nobody hears of it
  auto seen = changes();
  EXPECT_THAT(seen, Contains("overflow . queue"));
  write("b/g");
  EXPECT_THAT(changes(), ElementsAre("created b/g", "modified b/g"));
}

TEST_F(Watching, LinksAreNotFollowed) {
  make("a");
  fs::create_directory(top_ + "/outside");
  watch(true);
  ASSERT_EQ(::symlink((top_ + "/outside").c_str(), path("link").c_str()), 0);
  EXPECT_THAT(changes(), ElementsAre("created link"));
  std::ofstream(top_ + "/outside/f") << "x";
  EXPECT_THAT(changes(), IsEmpty());
  // A directory that becomes a link before it is watched.
  make("swap");
  fs::remove(path("swap"));
  ASSERT_EQ(::symlink((top_ + "/outside").c_str(), path("swap").c_str()), 0);
  changes();
  std::ofstream(top_ + "/outside/g") << "x";
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(Watching, AFloodOfWritesIsFew) {
  watch(false);
  std::ofstream out(path("log"));
  for (int i = 0; i < 5000; ++i) out << i << std::flush;
  out.close();
  EXPECT_THAT(changes(), ElementsAre("created log", "modified log"));
}

TEST_F(Watching, WhatIsNotThere) {
  EXPECT_THROW(WatchTree(top_ + "/none", true), Error);
  try {
    WatchTree(top_ + "/none", true);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::not_found);
  }
}

}  // namespace
}  // namespace osb::execd
