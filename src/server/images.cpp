// /images: names that a create takes, and the store behind them. An archive goes from the socket to the
// runtime piece by piece; the server keeps none of it and looks at none of it.
#include "api/image.h"
#include "base/defer.h"
#include "base/log.h"
#include "server/answers.h"
#include "server/routes.h"
#include "server/runtime_errors.h"

namespace osb::server {

namespace {

constexpr size_t kMaxUploads = 4;  // at a time
constexpr uint64_t kDropBytes = 64 << 20;
constexpr std::chrono::seconds kDropTime{10};

// What follows "/images/": slashes in it may be written as they are or as %2F. Empty where nothing follows.
std::string image_name(const http::Request& request) {
  std::string_view raw = request.rest;
  if (raw.starts_with('/')) raw.remove_prefix(1);
  if (raw.ends_with('/')) raw.remove_suffix(1);  // as everywhere
  std::optional<std::string> name = http::percent_decode(raw);
  if (!name)
    throw Error(ErrorCode::invalid, "reading an image name: bad escape in " + std::string(raw),
                "IMAGE::INVALID_NAME");
  return *std::move(name);
}

// "If-None-Match: *": only where there is no such image yet.
bool must_be_new(const http::Request& request) { return request.headers.get("If-None-Match") == "*"; }

bool is_stored(runtime::Runtime& runtime, const std::string& name) {
  for (const runtime::ImageEntry& image : runtime.images())
    if (image.name == name) return image.size.has_value();
  return false;
}

Error name_taken(const std::string& name) {
  return Error(ErrorCode::conflict, "storing image " + name + ": the name is taken", "IMAGE::EXISTS");
}

Error too_large(int64_t limit) {
  return Error(ErrorCode::too_large,
               "storing an image: its archive is longer than " + std::to_string(limit) +
                   " bytes (native.max_image_bytes of the server)",
               "IMAGE::TOO_LARGE");
}

net::task<size_t> read_within(http::BodyReader& body, int64_t& left, int64_t limit, std::span<char> into) {
  size_t count = co_await body.read_some(into);
  if (static_cast<int64_t>(count) > left) throw too_large(limit);
  left -= static_cast<int64_t>(count);
  co_return count;
}

// Many clients read no answer before all is sent, and see a broken connection where we close in the middle: a
// refusal of a moderate archive is worth reading the rest of it for nothing. After the answer.
net::task<> drop_rest(const http::Request& request) {
  if (request.headers.has("Expect")) co_return;  // it waits for the answer with its body
  auto end = std::chrono::steady_clock::now() + kDropTime;
  std::string scratch(64 * 1024, '\0');
  try {
    for (uint64_t dropped = 0; dropped < kDropBytes && std::chrono::steady_clock::now() < end;) {
      size_t count = co_await request.body->read_some(scratch);
      if (count == 0) break;
      dropped += count;
    }
  } catch (const Error&) {  // it was told
  }
}

// A body that does not come is the client's doing and has its own code; so have bodies that are too long.
Error upload_error(const Error& error, bool only_new, const std::string& name) {
  if (!error.wire().empty()) return error;
  if (only_new && error.code() == ErrorCode::conflict) return name_taken(name);
  return store_error(error);
}

}  // namespace

net::task<> get_images(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::vector<runtime::ImageEntry> images = context.runtime.images();
  std::string wanted = image_name(request);
  if (wanted.empty()) co_return co_await response.send(json_answer(200, api::image_list_json(images)));
  std::string name = context.runtime.image_name(wanted);
  for (const runtime::ImageEntry& image : images)
    if (image.name == name) co_return co_await response.send(json_answer(200, api::image_json(image)));
  throw Error(ErrorCode::not_found, "image " + name + " not found", "IMAGE::NOT_FOUND");
}

namespace {

// What was stored, and whether it took the place of another one.
struct Stored {
  runtime::ImageEntry image;
  bool replaced = false;
};

net::task<Stored> store(Context& context, http::Request& request) {
  int64_t limit = context.config.max_image_bytes;
  int64_t left = limit;
  std::string name = context.runtime.image_name(image_name(request));
  bool only_new = must_be_new(request);
  if (request.body->content_length().value_or(0) > static_cast<uint64_t>(limit)) throw too_large(limit);
  bool known = is_stored(context.runtime, name);
  if (known && only_new) throw name_taken(name);
  if (context.image_uploads >= kMaxUploads)
    throw Error(ErrorCode::exhausted, "storing an image: others are being stored", "IMAGE::BUSY");
  ++context.image_uploads;
  Defer done([&] { --context.image_uploads; });

  runtime::ImageUpload upload{.name = name,
                              .replace = !only_new,
                              .max_bytes = static_cast<uint64_t>(limit),
                              .read = [&request, &left, limit](std::span<char> into) {
                                return read_within(*request.body, left, limit, into);
                              }};
  std::optional<Error> failure;
  try {
    co_return Stored{co_await context.runtime.store_image(std::move(upload)), known};
  } catch (const Error& error) {
    failure = upload_error(error, only_new, name);
  }
  throw Error(*failure);
}

}  // namespace

net::task<> put_image(Context& context, http::Request& request, http::ResponseWriter& response) {
  Stored stored;
  std::exception_ptr failure;
  try {
    stored = co_await store(context, request);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await response.send(failure_answer(failure, request.request_id));
    co_return co_await drop_rest(request);
  }
  log_info("image stored", {{"image", stored.image.name},
                            {"bytes", stored.image.size.value_or(0)},
                            {"request_id", request.request_id}});
  co_await response.send(json_answer(stored.replaced ? 200 : 201, api::image_json(stored.image)));
}

net::task<> delete_image(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::string name = context.runtime.image_name(image_name(request));
  std::optional<Error> failure;
  try {
    co_await context.runtime.remove_image(name);
  } catch (const Error& error) {
    failure = store_error(error);
  }
  if (failure) throw Error(*failure);
  log_info("image removed", {{"image", name}, {"request_id", request.request_id}});
  co_await response.send(empty_answer(204));
}

}  // namespace osb::server
