// A server on a loop with raw and real clients beside it, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "http/router.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::http {

struct World {
  explicit World(ServerOptions options = {}) {
    server = std::make_unique<Server>(
        loop.executor(),
        [this](Request& request, ResponseWriter& response) { return dispatch(router, request, response); },
        std::move(options));
    auto listener = net::listen_tcp(loop.executor(), "127.0.0.1", 0);
    port = listener->port();
    server->serve(std::move(listener));
  }

  static net::task<> dispatch(const Router& router, Request& request, ResponseWriter& response) {
    const Handler* handler = nullptr;
    std::vector<std::string_view> allowed;
    switch (router.find(request, handler, allowed)) {
      case Router::Match::found:
        return (*handler)(request, response);
      case Router::Match::no_route:
        throw Error(ErrorCode::not_found, "no such route");
      case Router::Match::wrong_method:
        throw Error(ErrorCode::invalid, "wrong method", "METHOD_NOT_ALLOWED");
    }
    throw Error(ErrorCode::internal, "no match");
  }

  void run(net::task<> work) { loop.run_until_done(std::move(work)); }

  // Sends the bytes, ends our side if asked to, and returns everything until the server ends or `limit`
  // passes.
  std::string talk(std::string bytes, bool end = true,
                   std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    std::string answer;
    run(talk_to(loop.executor(), port, std::move(bytes), end, limit, answer));
    return answer;
  }

  static net::task<> talk_to(net::asio::any_io_executor executor, uint16_t port, std::string bytes, bool end,
                             std::chrono::milliseconds limit, std::string& answer) {
    auto stream = co_await net::connect_tcp(executor, "127.0.0.1", port, std::chrono::seconds(5));
    co_await stream->write(bytes);
    if (end) stream->shutdown_write();
    stream->set_read_deadline(limit);
    char buffer[4096];
    try {
      while (size_t count = co_await stream->read_some(buffer)) answer.append(buffer, count);
    } catch (const Error& error) {
      answer += error.code() == ErrorCode::timeout ? "<timeout>" : "<broken>";
    }
  }

  net::Loop loop;
  Router router;
  std::unique_ptr<Server> server;
  uint16_t port = 0;
};

inline size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) count++;
  return count;
}

}  // namespace osb::http
