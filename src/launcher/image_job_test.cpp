#include "launcher/image_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <thread>

#include "base/error.h"
#include "launcher/launcher_socket.h"
#include "launcher/tar_for_tests.h"
#include "sys/tree.h"

namespace osb::launcher {
namespace {

using test::Tar;
using testing::HasSubstr;

// The server's end; the job runs on a thread of its own.
class ImageJob : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "importing keeps owners, which needs root";
    char path[] = "/tmp/osb-image-job-XXXXXX";
    ASSERT_TRUE(::mkdtemp(path));
    path_ = path;
    store_.emplace(ImageStore::open(path_ + "/images"));
  }
  void TearDown() override {
    if (path_.empty()) return;
    end();
    store_.reset();
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sys::remove_tree(tmp.get(), path_.substr(5));
  }

  void begin(RequestBody body, timeval longest_silence = {}) {
    end();
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    here_ = Fd(ends[0]);
    there_ = Fd(ends[1]);
    ::setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &longest_silence, sizeof longest_silence);
    job_ = std::thread([this, body] { serve_image_request(there_.get(), *store_, Request{5, body}); });
  }
  void end() {
    here_.reset();
    if (job_.joinable()) job_.join();
  }
  bool say(RequestBody body) {
    std::string packet = encode(Request{1, std::move(body)});
    return ::send(here_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) >= 0;
  }
  void send_archive(const std::string& bytes, size_t piece = 4000) {
    for (size_t at = 0; at < bytes.size(); at += piece)
      ASSERT_TRUE(say(ArchivePiece{bytes.substr(at, piece)}));
  }
  Reply reply() {
    EXPECT_TRUE(wait_readable(here_.get(), 20'000));
    return decode_reply(receive_packet(here_.get()).value());
  }
  ErrorReply failure() { return std::get<ErrorReply>(reply().body); }
  std::vector<std::string> names() { return sys::list_directory(store_->directory()); }

  const std::string archive_ = Tar().directory("etc").file("etc/v", std::string(20'000, 'v')).finish();
  std::string path_;
  std::optional<ImageStore> store_;
  Fd here_, there_;
  std::thread job_;
};

TEST_F(ImageJob, StoresAndRemoves) {
  begin(StoreImageRequest{"team/tool:1", false});
  send_archive(archive_);
  say(ArchivePiece{});  // empty ones are no end
  say(ArchiveEnd{});
  Reply answer = reply();
  EXPECT_EQ(answer.number, 5u);
  auto image = std::get<ImageReply>(answer.body);
  EXPECT_EQ(image.name, "team/tool:1");
  EXPECT_EQ(image.size, 20'000);
  EXPECT_EQ(store_->find("team/tool:1")->created, image.created);
  begin(RemoveImageRequest{"team/tool:1"});
  EXPECT_TRUE(std::holds_alternative<DoneReply>(reply().body));
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
  begin(RemoveImageRequest{"team/tool:1"});
  EXPECT_EQ(failure().code, ErrorCode::not_found);
}

// All bytes of the archive are there, but nobody said that these were all.
TEST_F(ImageJob, WithoutTheEndNothingIsStored) {
  begin(StoreImageRequest{"half", false});
  send_archive(archive_);
  end();
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
  begin(StoreImageRequest{"half", false});
  send_archive(archive_.substr(0, 9'000));
  end();
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
}

TEST_F(ImageJob, OtherPacketsEndIt) {
  begin(StoreImageRequest{"odd", false});
  send_archive(archive_.substr(0, 9'000));
  say(ListRequest{});
  EXPECT_EQ(failure().code, ErrorCode::invalid);
  begin(StoreImageRequest{"odd", false});
  (void)!::send(here_.get(), "junk", 4, MSG_NOSIGNAL);
  EXPECT_EQ(failure().code, ErrorCode::invalid);
  end();
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
}

// A refusal arrives although the sender goes on sending, and the sender is not cut off.
TEST_F(ImageJob, RefusesEarlyAndTakesTheRest) {
  begin(StoreImageRequest{"bad", false});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(say(ArchivePiece{std::string(50'000, 'x')}));
  say(ArchiveEnd{});
  ErrorReply refusal = failure();
  EXPECT_EQ(refusal.code, ErrorCode::invalid);
  EXPECT_THAT(refusal.message, HasSubstr("importing an archive"));
}

TEST_F(ImageJob, LimitsAndTakenNames) {
  begin(StoreImageRequest{"big", false, 19'999});
  send_archive(archive_);
  say(ArchiveEnd{});
  EXPECT_EQ(failure().code, ErrorCode::too_large);
  for (ErrorCode wanted : {ErrorCode::internal, ErrorCode::conflict}) {
    begin(StoreImageRequest{"taken", false});
    send_archive(archive_);
    say(ArchiveEnd{});
    Reply answer = reply();
    if (wanted == ErrorCode::conflict) {
      EXPECT_EQ(std::get<ErrorReply>(answer.body).code, wanted);
    } else {
      EXPECT_TRUE(std::holds_alternative<ImageReply>(answer.body));
    }
  }
  begin(StoreImageRequest{"../up", false});
  EXPECT_EQ(failure().code, ErrorCode::invalid);
  begin(StoreImageRequest{"host", true});
  EXPECT_EQ(failure().code, ErrorCode::conflict);
}

TEST_F(ImageJob, TwoAtOnceEndWell) {
  begin(StoreImageRequest{"same", true});
  send_archive(archive_.substr(0, 9'000));
  store_->import("same", [given = false, other = Tar().file("other").finish()]() mutable -> std::string_view {
    return std::exchange(given, true) ? std::string_view() : std::string_view(other);
  });
  send_archive(archive_.substr(9'000));
  say(ArchiveEnd{});
  EXPECT_EQ(std::get<ImageReply>(reply().body).size, 20'000);
  EXPECT_EQ(store_->find("same")->size, 20'000);
  end();
  EXPECT_EQ(names(), (std::vector<std::string>{".lock", "same%3alatest"}));
}

TEST_F(ImageJob, SilenceEndsIt) {
  begin(StoreImageRequest{"silent", false}, {.tv_sec = 0, .tv_usec = 50'000});
  send_archive(archive_.substr(0, 9'000));
  EXPECT_EQ(failure().code, ErrorCode::timeout);
}

}  // namespace
}  // namespace osb::launcher
