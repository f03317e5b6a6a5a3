#include "launcher/protocol.h"

#include <gtest/gtest.h>

#include <random>

namespace osb::launcher {
namespace {

CreateRequest sample_create() {
  return {.id = "0c7f-a1",
          .image = "alpine%3A3.20",
          .boot = std::string("{\"x\":\0}", 7),
          .cpu_millis = 1500,
          .memory_bytes = int64_t{1} << 40,
          .pids = 17};
}
SandboxInfo sample_info() {
  return {.id = "box-1",
          .state = SandboxState::exited,
          .address = "10.201.3.4",
          .pid = 4242,
          .exit_code = 137,
          .exit_reason = "killed: out of memory"};
}

TEST(Protocol, RequestsRoundTrip) {
  Request back = decode_request(encode(Request{7, sample_create()}));
  EXPECT_EQ(back.number, 7u);
  const auto& create = std::get<CreateRequest>(back.body);
  EXPECT_EQ(create.id, "0c7f-a1");
  EXPECT_EQ(create.image, "alpine%3A3.20");
  EXPECT_EQ(create.boot, sample_create().boot);
  EXPECT_EQ(create.cpu_millis, 1500);
  EXPECT_EQ(create.memory_bytes, int64_t{1} << 40);
  EXPECT_EQ(create.pids, 17);
  EXPECT_EQ(std::get<DestroyRequest>(decode_request(encode(Request{1, DestroyRequest{"a"}})).body).id, "a");
  EXPECT_EQ(std::get<PauseRequest>(decode_request(encode(Request{1, PauseRequest{"b"}})).body).id, "b");
  EXPECT_EQ(std::get<ResumeRequest>(decode_request(encode(Request{1, ResumeRequest{"c"}})).body).id, "c");
  EXPECT_TRUE(
      std::holds_alternative<ListRequest>(decode_request(encode(Request{UINT64_MAX, ListRequest{}})).body));
}

TEST(Protocol, ImagesRoundTrip) {
  auto store = std::get<StoreImageRequest>(
      decode_request(encode(Request{1, StoreImageRequest{"a/b:c", true, 7}})).body);
  EXPECT_EQ(store.name, "a/b:c");
  EXPECT_TRUE(store.replace);
  EXPECT_EQ(store.max_bytes, 7);
  EXPECT_EQ(
      std::get<RemoveImageRequest>(decode_request(encode(Request{1, RemoveImageRequest{"x"}})).body).name,
      "x");
  std::string piece(kMaxPiece, '\xff');
  EXPECT_EQ(std::get<ArchivePiece>(decode_request(encode(Request{1, ArchivePiece{piece}})).body).bytes,
            piece);
  EXPECT_THROW(encode(Request{1, ArchivePiece{piece + "x"}}), Error);
  EXPECT_THROW(encode(Request{1, StoreImageRequest{"a", false, -1}}), Error);
  EXPECT_TRUE(std::holds_alternative<ArchiveEnd>(decode_request(encode(Request{1, ArchiveEnd{}})).body));
  auto image = std::get<ImageReply>(decode_reply(encode(Reply{1, ImageReply{"n", "t", 5}})).body);
  EXPECT_EQ(image.name, "n");
  EXPECT_EQ(image.created, "t");
  EXPECT_EQ(image.size, 5);
}

TEST(Protocol, RepliesRoundTrip) {
  Reply error = decode_reply(encode(Reply{9, ErrorReply{ErrorCode::exhausted, "no memory"}}));
  EXPECT_EQ(error.number, 9u);
  EXPECT_EQ(std::get<ErrorReply>(error.body).code, ErrorCode::exhausted);
  EXPECT_EQ(std::get<ErrorReply>(error.body).message, "no memory");

  SandboxInfo info =
      std::get<SandboxReply>(decode_reply(encode(Reply{1, SandboxReply{sample_info()}})).body).sandbox;
  EXPECT_EQ(info.id, "box-1");
  EXPECT_EQ(info.state, SandboxState::exited);
  EXPECT_EQ(info.address, "10.201.3.4");
  EXPECT_EQ(info.pid, 4242);
  EXPECT_EQ(info.exit_code, 137);
  EXPECT_EQ(info.exit_reason, "killed: out of memory");

  info.exit_code = -1;
  auto list = std::get<ListReply>(decode_reply(encode(Reply{1, ListReply{{info, info}, true}})).body);
  ASSERT_EQ(list.sandboxes.size(), 2u);
  EXPECT_EQ(list.sandboxes[1].exit_code, -1);
  EXPECT_TRUE(list.more);

  Reply hello = decode_reply(encode(Reply{0, HelloEvent{3, "boot-7"}}));
  EXPECT_EQ(std::get<HelloEvent>(hello.body).version, 3u);
  EXPECT_EQ(std::get<HelloEvent>(hello.body).boot_id, "boot-7");
  EXPECT_TRUE(
      std::holds_alternative<ExitEvent>(decode_reply(encode(Reply{0, ExitEvent{sample_info()}})).body));
  EXPECT_TRUE(std::holds_alternative<DoneReply>(decode_reply(encode(Reply{5, DoneReply{}})).body));
}

// The layout is a contract between a server and a launcher of different builds.
TEST(Protocol, LayoutIsFixed) {
  EXPECT_EQ(encode(Request{0x0102, DestroyRequest{"ab"}}),
            std::string("\x02\x02\x01\0\0\0\0\0\0\x02\0\0\0ab", 15));
}

TEST(Protocol, EveryCutOrExtensionIsRefused) {
  for (const std::string& packet : {encode(Request{7, sample_create()}), encode(Request{1, ListRequest{}})}) {
    for (size_t size = 0; size < packet.size(); ++size)
      EXPECT_THROW(decode_request(packet.substr(0, size)), Error) << size;
    EXPECT_THROW(decode_request(packet + '\0'), Error);
  }
  std::string reply = encode(Reply{1, ListReply{{sample_info()}, false}});
  for (size_t size = 0; size < reply.size(); ++size) EXPECT_THROW(decode_reply(reply.substr(0, size)), Error);
  EXPECT_THROW(decode_reply(reply + '\0'), Error);
}

TEST(Protocol, NamesThatCouldLeaveTheirDirectoryAreRefused) {
  for (std::string id : {"", "..", "a/b", "A", "a_b", "a.b"}) {
    EXPECT_THROW(encode(Request{1, DestroyRequest{id}}), Error) << id;
  }
  EXPECT_THROW(encode(Request{1, DestroyRequest{std::string(65, 'a')}}), Error);
  for (std::string image : {".", "..", "a/b", "/"}) {
    CreateRequest create = sample_create();
    create.image = image;
    EXPECT_THROW(encode(Request{1, create}), Error) << image;
  }
  // The reader does not rely on the writer.
  std::string packet = encode(Request{1, DestroyRequest{"ab"}});
  packet[13] = '.';
  packet[14] = '.';
  EXPECT_THROW(decode_request(packet), Error);
  packet = encode(Request{1, sample_create()});
  packet[packet.find("alpine") + 2] = '/';
  EXPECT_THROW(decode_request(packet), Error);
}

TEST(Protocol, OddValuesAreRefused) {
  std::string flag = encode(Reply{1, ListReply{{}, true}});
  flag.back() = 2;
  EXPECT_THROW(decode_reply(flag), Error);
  std::string state = encode(Reply{1, SandboxReply{sample_info()}});
  state[9 + 4 + 5] = 3;
  EXPECT_THROW(decode_reply(state), Error);
  std::string code = encode(Reply{1, ErrorReply{}});
  code[9] = 10;
  EXPECT_THROW(decode_reply(code), Error);
  std::string count = encode(Reply{1, ListReply{}});
  count[12] = '\x7f';  // two thousand million entries
  EXPECT_THROW(decode_reply(count), Error);
  CreateRequest create = sample_create();
  create.pids = -1;
  EXPECT_THROW(encode(Request{1, create}), Error);
  std::string kind = encode(Request{1, ListRequest{}});
  kind[0] = 6;
  EXPECT_THROW(decode_request(kind), Error);
  kind[0] = 65;  // a reply is no request
  EXPECT_THROW(decode_request(kind), Error);
}

TEST(Protocol, NumbersTellRepliesFromEvents) {
  EXPECT_THROW(encode(Request{0, ListRequest{}}), Error);
  EXPECT_THROW(encode(Reply{0, DoneReply{}}), Error);
  EXPECT_THROW(encode(Reply{4, ExitEvent{sample_info()}}), Error);
  std::string done = encode(Reply{1, DoneReply{}});
  done[1] = 0;
  EXPECT_THROW(decode_reply(done), Error);
}

TEST(Protocol, SizeIsBounded) {
  CreateRequest create = sample_create();
  create.boot.assign(kMaxPacket, 'x');
  EXPECT_THROW(encode(Request{1, create}), Error);
  create.boot.assign(kMaxPacket - 100, 'x');
  EXPECT_EQ(std::get<CreateRequest>(decode_request(encode(Request{1, create})).body).boot.size(),
            kMaxPacket - 100);
  EXPECT_THROW(decode_request(std::string(kMaxPacket + 1, '\1')), Error);
  // Text for people is cut, not refused.
  Reply reply = decode_reply(encode(Reply{1, ErrorReply{ErrorCode::internal, std::string(100'000, 'm')}}));
  EXPECT_EQ(std::get<ErrorReply>(reply.body).message.size(), 4096u);
}

// What decodes at all encodes to the same bytes again.
TEST(Protocol, MutatedPacketsAreRefusedOrCanonical) {
  std::mt19937 random(1);
  std::string seeds[] = {encode(Request{7, sample_create()}), encode(Request{3, PauseRequest{"abc"}})};
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string packet = seeds[i % 2];
    packet[random() % packet.size()] = static_cast<char>(random());
    try {
      Request request = decode_request(packet);
      ++accepted;
      EXPECT_EQ(encode(request), packet);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid);
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace osb::launcher
