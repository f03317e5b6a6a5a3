// Server ↔ launcher: typed messages over one SOCK_SEQPACKET unix socket, one message per packet,
// little-endian binary (no JSON, no HTTP: the launcher is root). A request carries a number that its reply
// repeats; events carry 0. Decoding is sans-IO, bounded and fuzzed; a malformed packet ends the connection.
//
// Both sides check SO_PEERCRED: the launcher serves only root and the server's own uid, the server talks only
// to root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace osb::launcher {

constexpr uint32_t kProtocolVersion = 2;   // 2: images
constexpr uint32_t kOldestProtocol = 1;    // a launcher may be older than its server: its sandboxes live on
constexpr size_t kMaxPacket = 128 * 1024;  // boot configuration included

struct CreateRequest {
  std::string id;          // [0-9a-z-]{1,64}: becomes a cgroup and directory name
  std::string image;       // "" = host, else the directory name of an imported image (one path component)
  std::string boot;        // api::BootConfig, opaque here
  int64_t cpu_millis = 0;  // 0 = no ceiling
  int64_t memory_bytes = 0;
  int64_t pids = 4096;  // 0 = this default
};
struct DestroyRequest {
  std::string id;
};
struct PauseRequest {
  std::string id;
};
struct ResumeRequest {
  std::string id;
};
struct ListRequest {};
// These two must be the first request of their connection, which is theirs alone from there on (image_job.h):
// behind StoreImageRequest come ArchivePieces and ArchiveEnd, then one reply ends the talk.
struct StoreImageRequest {
  std::string name;  // as the client wrote it
  bool replace = false;
  int64_t max_bytes = 0;  // of content, 0 = what the disk holds
};
struct RemoveImageRequest {
  std::string name;
};
constexpr size_t kMaxPiece = 64 * 1024;
struct ArchivePiece {
  std::string bytes;  // at most kMaxPiece
};
struct ArchiveEnd {};  // a connection that ends without it means that the archive is not whole
using RequestBody = std::variant<CreateRequest, DestroyRequest, PauseRequest, ResumeRequest, ListRequest,
                                 StoreImageRequest, RemoveImageRequest, ArchivePiece, ArchiveEnd>;
struct Request {
  uint64_t number = 0;  // > 0
  RequestBody body;
};

enum class SandboxState : uint8_t { running, paused, exited };
struct SandboxInfo {
  std::string id;
  SandboxState state = SandboxState::running;
  std::string address;
  int32_t pid = 0;
  int32_t exit_code = -1;  // 128+n when signalled
  std::string exit_reason;
};
struct ErrorReply {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};
struct DoneReply {};
struct SandboxReply {
  SandboxInfo sandbox;
};  // to CreateRequest
struct ListReply {
  std::vector<SandboxInfo> sandboxes;
  bool more = false;  // further ListReply packets with the same number follow
};
struct ImageReply {
  std::string name;     // normalised
  std::string created;  // RFC 3339
  int64_t size = 0;     // bytes of content
};  // to StoreImageRequest
struct HelloEvent {
  uint32_t version = kProtocolVersion;
  std::string boot_id;
};  // first packet of a connection; boot_id is new per launcher process
struct ExitEvent {
  SandboxInfo sandbox;
};
using ReplyBody =
    std::variant<ErrorReply, DoneReply, SandboxReply, ListReply, HelloEvent, ExitEvent, ImageReply>;
struct Reply {
  uint64_t number = 0;  // 0 for events
  ReplyBody body;
};

std::string encode(const Request& request);
std::string encode(const Reply& reply);
// Throw Error(invalid) for anything that encode() does not produce.
Request decode_request(std::string_view packet);
Reply decode_reply(std::string_view packet);

}  // namespace osb::launcher
