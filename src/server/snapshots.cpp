// Snapshots come later. Until then there are none, and making one says so.
#include "api/small_requests.h"
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

net::task<> create_snapshot(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kLongestBody);
  api::parse_snapshot_name(body);
  context.catalogue.require(request.parameter(0));
  throw Error(ErrorCode::unsupported, "snapshots are not supported by this server yet",
              "SNAPSHOT::NOT_IMPLEMENTED");
}

net::task<> list_snapshots(Context&, http::Request& request, http::ResponseWriter& response) {
  api::Page page = parse_page(request.query);
  return response.send(json_answer(200, "{\"items\":[],\"pagination\":" + api::pagination_json(page) + "}"));
}

net::task<> get_snapshot(Context&, http::Request& request, http::ResponseWriter&) {
  throw Error(ErrorCode::not_found, "snapshot " + std::string(request.parameter(0)) + " not found",
              "SNAPSHOT::NOT_FOUND");
}

}  // namespace osb::server
