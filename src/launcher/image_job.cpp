#include "launcher/image_job.h"

#include <errno.h>
#include <sys/socket.h>

#include <new>

#include "base/error.h"
#include "base/log.h"

namespace osb::launcher {

namespace {

// The next packet; empty when the other end is gone.
std::string_view receive(int socket, std::string& buffer) {
  buffer.resize(kMaxPacket);
  for (;;) {
    ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n >= 0) return {buffer.data(), static_cast<size_t>(n)};
    if (errno == EAGAIN)
      throw Error(ErrorCode::timeout, "storing an image: the server sent nothing for too long");
    if (errno == ECONNRESET) return {};
    if (errno != EINTR) throw system_error("storing an image: receiving the archive");
  }
}

// The archive as it comes.
class Pieces {
 public:
  explicit Pieces(int socket) : socket_(socket) {}

  std::string_view next() {
    for (;;) {
      std::string_view packet = receive(socket_, buffer_);
      if (packet.empty())
        throw Error(ErrorCode::unavailable, "storing an image: the archive broke off before its end");
      RequestBody body = decode_request(packet).body;
      if (std::holds_alternative<ArchiveEnd>(body)) return {};
      auto* piece = std::get_if<ArchivePiece>(&body);
      if (!piece) throw Error(ErrorCode::invalid, "storing an image: something else than an archive came");
      bytes_ = std::move(piece->bytes);
      if (!bytes_.empty()) return bytes_;
    }
  }

 private:
  int socket_;
  std::string buffer_, bytes_;
};

ReplyBody store(int socket, ImageStore& images, const StoreImageRequest& request) {
  Pieces pieces(socket);
  ImageInfo info =
      images.import(request.name, [&] { return pieces.next(); },
                    {.replace = request.replace, .max_bytes = static_cast<uint64_t>(request.max_bytes)});
  log_info("image stored", {{"image", info.name}, {"bytes", info.size}});
  return ImageReply{info.name, info.created, info.size};
}

ReplyBody remove(ImageStore& images, const RemoveImageRequest& request) {
  images.remove(request.name);
  log_info("image removed", {{"image", request.name}});
  return DoneReply{};
}

ReplyBody answer(int socket, ImageStore& images, const RequestBody& body) {
  try {
    if (auto* stored = std::get_if<StoreImageRequest>(&body)) return store(socket, images, *stored);
    return remove(images, std::get<RemoveImageRequest>(body));
  } catch (const Error& error) {
    return ErrorReply{error.code(), error.message()};
  } catch (const std::bad_alloc&) {
    return ErrorReply{ErrorCode::invalid, "storing an image: unpacking it takes too much memory"};
  }
}

void drop_the_rest(int socket) {
  std::string buffer;
  try {
    while (!receive(socket, buffer).empty()) {}
  } catch (const Error&) {  // it was told; more cannot be done
  }
}

}  // namespace

bool is_image_request(const RequestBody& body) {
  return std::holds_alternative<StoreImageRequest>(body) || std::holds_alternative<RemoveImageRequest>(body);
}

void serve_image_request(int socket, ImageStore& store, const Request& request) {
  Reply reply{request.number, answer(socket, store, request.body)};
  std::string packet = encode(reply);
  ::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL);
  if (std::holds_alternative<ErrorReply>(reply.body)) drop_the_rest(socket);
}

}  // namespace osb::launcher
