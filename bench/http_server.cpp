// A server with one small handler behind the router, for wrk:
//   taskset -c 0 bench_http_server 8089 & taskset -c 1 wrk -t1 -c32 -d4s http://127.0.0.1:8089/hello
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "http/router.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/loop.h"

namespace {

using namespace osb;

net::task<> hello(http::Request&, http::ResponseWriter& response) {
  co_await response.send({.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "hello\n"});
}

// Counts the body, for upload figures.
net::task<> sink(http::Request& request, http::ResponseWriter& response) {
  std::string buffer(256 * 1024, '\0');
  uint64_t total = 0;
  while (size_t count = co_await request.body->read_some(buffer)) total += count;
  co_await response.send({.status = 200, .body = std::to_string(total) + "\n"});
}

// A gigabyte in chunks, for download figures.
net::task<> source(http::Request&, http::ResponseWriter& response) {
  std::string block(256 * 1024, 'x');
  response.start(200, {{"Content-Type", "application/octet-stream"}});
  for (int i = 0; i < 4096; i++) co_await response.write(block);
  co_await response.finish();
}

net::task<> route(const http::Router& router, http::Request& request, http::ResponseWriter& response) {
  const http::Handler* handler = nullptr;
  std::vector<std::string_view> allowed;
  if (router.find(request, handler, allowed) != http::Router::Match::found)
    throw Error(ErrorCode::not_found, "no such route");
  return (*handler)(request, response);
}

}  // namespace

int main(int argc, char** argv) {
  auto port = static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8089);
  net::Loop loop;
  http::Router router;
  router.add("GET", "/hello", hello);
  router.add("GET", "/source", source);
  router.add("*", "/sink", sink);
  router.add("GET", "/sandboxes/{}/endpoints/{}", hello);
  http::Server server(loop.executor(), [&router](http::Request& request, http::ResponseWriter& response) {
    return route(router, request, response);
  });
  server.serve(net::listen_tcp(loop.executor(), "127.0.0.1", port));
  std::printf("listening on 127.0.0.1:%u\n", port);
  std::fflush(stdout);
  loop.run();
}
