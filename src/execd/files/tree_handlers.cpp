// Requests that walk trees. The walk is done in slices, so that a long one neither keeps a helper thread from
// others nor has to hold its whole answer.
#include <errno.h>

#include <charconv>

#include "execd/files/failure.h"
#include "execd/files/file_service.h"
#include "execd/files/listing.h"
#include "execd/files/tree_removal.h"

namespace osb::execd {

namespace {

// 1 if it is not given. Throws Error(invalid) for anything but a number from 0.
uint32_t depth_of(const http::Request& request) {
  std::string text = request.query.find("depth").value_or("1");
  int32_t depth = 0;
  auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), depth);
  if (err != std::errc() || end != text.data() + text.size() || depth < 0)
    throw Error(ErrorCode::invalid,
                "reading the query: depth " + text + " is not a number from 0 to 2147483647");
  return static_cast<uint32_t>(depth);
}

net::task<> send_listing(Service service, std::shared_ptr<Listing> listing, http::ResponseWriter& response) {
  std::string text;
  while (true) {
    text += co_await service->run(
        response, [listing] { return listing->next(kSlice); }, Workers::Admission::continued);
    if (listing->done()) break;
    if (text.size() < Listing::kPiece) continue;
    if (!response.started()) response.start(200, {{"Content-Type", "application/json; charset=utf-8"}});
    co_await response.write(text);
    text.clear();
  }
  if (response.started())
    co_await response.finish(text);
  else
    co_await response.send(json_ok(std::move(text)));
}

// Null if nothing is there.
std::shared_ptr<TreeRemoval> begin_removal(const std::string& path) {
  std::optional<sys::Place> place = sys::locate(path);
  if (place) return std::make_shared<TreeRemoval>(std::move(*place), path);
  if (is_missing(errno)) return nullptr;
  throw file_error("removing", path);
}

}  // namespace

net::task<> handle_search(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string path = path_of(request);
  std::string pattern = request.query.find("pattern").value_or("");
  std::shared_ptr<Listing> listing = co_await service->run(
      response, [service, path, pattern] { return Listing::search(service->rules.resolve(path), pattern); });
  co_await send_listing(service, std::move(listing), response);
}

net::task<> handle_list(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string path = path_of(request);
  uint32_t depth = depth_of(request);
  std::shared_ptr<Listing> listing = co_await service->run(
      response, [service, path, depth] { return Listing::list(service->rules.resolve(path), depth); });
  co_await send_listing(service, std::move(listing), response);
}

net::task<> handle_delete_directories(Service service, http::Request& request,
                                      http::ResponseWriter& response) {
  std::vector<std::string> asked = paths_of(request);
  auto paths = co_await service->run(response, [service, asked] {
    std::vector<std::string> resolved;
    for (const std::string& path : asked) resolved.push_back(service->rules.resolve(path));
    return resolved;
  });
  for (const std::string& path : paths) {
    auto removal = co_await service->run(response, [path] { return begin_removal(path); });
    while (removal) {
      bool done = co_await service->run(
          response, [removal] { return removal->step(kSlice); }, Workers::Admission::continued);
      if (done) break;
    }
  }
  co_await response.send(empty_ok());
}

}  // namespace osb::execd
