#include "execd/isolated_routes.h"

#include "base/error.h"

namespace osb::execd {
namespace {

constexpr const char* kWhy = "isolated sessions are not built; every sandbox is isolated as a whole";

http::Response json(std::string body) {
  return {200, {{"Content-Type", "application/json; charset=utf-8"}}, std::move(body)};
}

net::task<> capabilities(http::Request&, http::ResponseWriter& response) {
  co_await response.send(json(std::string(R"({"available":false,"message":")") + kWhy + "\"}"));
}

net::task<> list(http::Request&, http::ResponseWriter& response) {
  co_await response.send(json(R"({"sessions":[]})"));
}

net::task<> refuse(http::Request&, http::ResponseWriter&) {
  throw Error(ErrorCode::unavailable, kWhy, "NOT_SUPPORTED");
  co_return;
}

}  // namespace

void add_isolated_routes(http::Router& router) {
  router.add("GET", "/v1/isolated/capabilities", capabilities);
  router.add("GET", "/v1/isolated/sessions", list);
  router.add("POST", "/v1/isolated/session", refuse);
}

}  // namespace osb::execd
