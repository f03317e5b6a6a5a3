#include <filesystem>
#include <fstream>

#include "world.h"

namespace opensandbox {

using FilesTest = World;

TEST_F(FilesTest, are_written_and_read_back_exactly) {
  auto files = sandbox().files();
  std::string bytes;
  for (int i = 0; i < 300'000; i++) bytes += static_cast<char>(i * 7);
  files.write("/tmp/a/b/bytes", bytes, {.mode = 0640});
  EXPECT_EQ(files.read("/tmp/a/b/bytes"), bytes);
  auto info = files.info("/tmp/a/b/bytes");
  EXPECT_EQ(info.size, 300'000);
  EXPECT_EQ(info.mode, 640);
  EXPECT_EQ(info.type, "file");
  EXPECT_TRUE(info.modified_at);
  EXPECT_EQ(files.read("/tmp/a/b/bytes", {.first_byte = 1, .last_byte = 2}), bytes.substr(1, 2));
  files.write("/tmp/lines", "one\ntwo\nthree\n");
  EXPECT_EQ(files.read("/tmp/lines", {.first_line = 2, .lines = 1}), "two");
  EXPECT_EQ(code_of([&] { files.read("/tmp/none"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { files.read("/tmp/lines", {.first_byte = 1, .lines = 1}); }),
            ErrorCode::invalid_argument);
  EXPECT_FALSE(files.exists("/tmp/none"));
}

TEST_F(FilesTest, go_in_many_at_a_time_from_sources_of_any_length) {
  int left = 40;
  ByteSource source = [&](std::span<char> room) -> size_t {
    if (left-- <= 0) return 0;
    std::fill(room.begin(), room.end(), 'z');
    return room.size();
  };
  uint64_t told = 0;
  std::vector<FileWrite> entries(2);
  entries[0] = {.path = "/tmp/many/\"odd\" näme", .data = "first"};
  entries[1] = {.path = "/tmp/many/second", .data = "", .source = source};
  sandbox().files().write(entries, [&](uint64_t done, std::optional<uint64_t>) { told = done; });
  EXPECT_EQ(sandbox().files().read("/tmp/many/\"odd\" näme"), "first");
  EXPECT_EQ(sandbox().files().info("/tmp/many/second").size, 40 * 65536);
  EXPECT_EQ(told, 5u + 40 * 65536);
  sandbox().files().write("/tmp/many/empty", "");
  EXPECT_EQ(sandbox().files().read("/tmp/many/empty"), "");
}

TEST_F(FilesTest, come_from_this_machine_and_go_there) {
  auto here = std::filesystem::temp_directory_path() / ("opensandbox-cpp-" + sandbox().id());
  std::string bytes(3'000'000, 'q');
  std::ofstream(here, std::ios::binary) << bytes;
  uint64_t up = 0, down = 0;
  std::optional<uint64_t> total;
  sandbox().files().upload(here, "/tmp/up", {.mode = 600}, [&](uint64_t done, std::optional<uint64_t> all) {
    up = done;
    total = all;
  });
  EXPECT_EQ(up, bytes.size());
  EXPECT_EQ(total, bytes.size());
  sandbox().files().download("/tmp/up", here, [&](uint64_t done, std::optional<uint64_t>) { down = done; });
  EXPECT_EQ(down, bytes.size());
  EXPECT_EQ(std::filesystem::file_size(here), bytes.size());
  EXPECT_EQ(code_of([&] { sandbox().files().download("/tmp/none", here); }), ErrorCode::not_found);
  EXPECT_EQ(std::filesystem::file_size(here), bytes.size());  // still the old one
  std::filesystem::remove(here);
  EXPECT_EQ(code_of([&] { sandbox().files().upload(here, "/tmp/up"); }), ErrorCode::invalid_argument);
}

TEST_F(FilesTest, are_listed_found_changed_moved_and_removed) {
  auto files = sandbox().files();
  files.make_directories({"/tmp/tree/leaf"}, {.mode = 750});
  files.write("/tmp/tree/x.log", "a b a");
  auto entries = files.list("/tmp/tree");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(files.search("/tmp/tree", "*.log")[0].path, "/tmp/tree/x.log");
  EXPECT_EQ(files.replace({{"/tmp/tree/x.log", "a", "c"}}).at("/tmp/tree/x.log"), 2);
  files.move({{"/tmp/tree/x.log", "/tmp/tree/y.log"}});
  EXPECT_EQ(files.read("/tmp/tree/y.log"), "c b c");
  files.set_permissions({{"/tmp/tree/y.log", {.mode = 600, .owner = "nobody"}}});
  EXPECT_EQ(files.info("/tmp/tree/y.log").owner, "nobody");
  EXPECT_EQ(files.infos({"/tmp/tree", "/tmp/tree/y.log"}).size(), 2u);
  files.remove({"/tmp/tree/y.log"});
  files.remove_directories({"/tmp/tree"});
  EXPECT_FALSE(files.exists("/tmp/tree"));
}

TEST_F(FilesTest, belong_to_whom_they_are_written_as) {
  auto theirs = sandbox().files_as(65534, 65534);
  theirs.write("/tmp/theirs", "x");
  EXPECT_EQ(theirs.info("/tmp/theirs").owner, "nobody");
  EXPECT_EQ(code_of([&] { theirs.write("/etc/theirs", "x"); }), ErrorCode::unauthorized);
}

TEST_F(FilesTest, are_watched) {
  auto watch = sandbox().files().watch("/tmp");
  EXPECT_FALSE(watch.next(50ms));
  sandbox().files().write("/tmp/fresh", "x");
  bool seen = false;
  while (auto change = watch.next(20s)) {
    seen = change->path == "/tmp/fresh" || change->to == "/tmp/fresh";
    if (seen) break;
  }
  EXPECT_TRUE(seen);
  EXPECT_FALSE(watch.ended());
  EXPECT_EQ(code_of([&] { sandbox().files().watch("/no/such"); }), ErrorCode::not_found);
}

}  // namespace opensandbox
