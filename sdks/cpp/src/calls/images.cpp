// The server's image store: GET /images, PUT /images/{name} with a tar archive, DELETE /images/{name}.
#include <opensandbox/manager.h>

#include "transport/client.h"
#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

constexpr size_t kPiece = 256 * 1024;

std::string image_path(const std::string& name) {
  return "/images/" + segment(not_blank(name, "image name"));
}

ImageInfo read_image(const Object& object) {
  return {text_of(object, "name"), find_int(object, "size"), find_time(object, "createdAt"),
          find_text(object, "aliasOf").value_or("")};
}

BodySource archive_body(const ByteSource& archive, std::optional<uint64_t> size, const Progress& progress) {
  auto done = std::make_shared<uint64_t>(0);
  return {[&archive, &progress, size, done] {
            std::string piece(kPiece, '\0');
            piece.resize(archive(std::span(piece.data(), piece.size())));
            *done += piece.size();
            if (progress && !piece.empty()) progress(*done, size);
            return piece;
          },
          size};
}

}  // namespace

std::vector<ImageInfo> Manager::images(std::stop_token stop) const {
  Call call = json_call("GET", "/images", "list images");
  Object answer = read_object(client_->call(client_->server(), call, stop), call.doing);
  std::vector<ImageInfo> images;
  if (const Array* items = find_array(answer, "items"))
    for (const Value& item : *items)
      if (item.is_object()) images.push_back(read_image(item.get_object()));
  return images;
}

void Manager::upload_image(const std::string& name, const ByteSource& archive, std::optional<uint64_t> size,
                           const Progress& progress, std::stop_token stop) const {
  Call call = json_call("PUT", image_path(name), "upload image " + name);
  call.content_type = "application/x-tar";
  call.source = archive_body(archive, size, progress);
  try {  // unpacking takes the server a while behind the last byte
    Stream stream =
        client_->open(client_->server(), call, Wait::until_stopped(stop), Client::Patience::endless);
    Reply reply = stream.body(config().request_timeout, stop);
    if (!call.accepts(reply.status)) throw_answer_error(reply, call.doing);
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, client_->server());
  }
}

void Manager::remove_image(const std::string& name, std::stop_token stop) const {
  client_->call(client_->server(), json_call("DELETE", image_path(name), "remove image " + name), stop);
}

}  // namespace opensandbox
