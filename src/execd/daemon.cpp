#include "execd/daemon.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "execd/code/code_routes.h"
#include "execd/execution_routes.h"
#include "execd/files/file_routes.h"
#include "execd/pty/pty_routes.h"
#include "execd/session/session_routes.h"
#include "http/status.h"

namespace osb::execd {
namespace {

constexpr std::string_view kTokenHeader = "X-EXECD-ACCESS-TOKEN";

// A stream may rest as long as its client likes, a stuck client may not keep a command's output for ever.
http::Limits limits() {
  http::Limits limits;
  limits.write_idle_time = std::chrono::minutes(5);
  return limits;
}

std::string_view without_trailing_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// {"code","message"}; clients of older daemons look for a missing token in "error".
http::Response format_error(const Error& error, const http::Request*) {
  http::Response response = http::error_response(error);
  if (response.status != 401) return response;
  std::string message = json_string(error.message());
  response.body = R"({"code":"UNAUTHORIZED","message":)" + message + R"(,"error":)" + message + "}";
  return response;
}

// Takes "::" for IPv6 alone, so that it goes together with "0.0.0.0".
std::unique_ptr<net::Listener> listen_at(const net::asio::any_io_executor& executor,
                                         const std::string& address, uint16_t port) {
  if (address != "::") return net::listen_tcp(executor, address, port);
  const std::string doing = "listening on [::]:" + std::to_string(port);
  Fd socket(check(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), doing));
  int on = 1;
  check(::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), doing);
  check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), doing);
  sockaddr_in6 name = {};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(port);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), doing);
  check(::listen(socket.get(), 4096), doing);
  return net::adopt_listener(executor, std::move(socket));
}

// Code runs under the same conditions as commands.
CodeContexts::Options code_options(const CommandDefaults& commands) {
  return {to_strings(commands.environment), commands.cwd, {commands.oom_score_adj, commands.open_files}};
}

net::task<> accept_and_close(std::shared_ptr<net::Listener> listener) {
  try {
    while (true) co_await listener->accept();
  } catch (const Error&) {
    // closed at the end of the daemon
  }
}

}  // namespace

Daemon::Daemon(net::asio::any_io_executor executor, Reaper& reaper, DaemonOptions options)
    : executor_(executor),
      options_(std::move(options)),
      executions_(executor, options_.executions),
      retries_(executor, executions_),
      commands_(executor, reaper, executions_),
      sessions_(executor, reaper, executions_, options_.commands),
      contexts_(executor, reaper, executions_, code_options(options_.commands)),
      ptys_(executor, reaper, {options_.commands, options_.pty}),
      metrics_(options_.metrics) {
  register_routes();
  http::ServerOptions server;
  server.limits = limits();
  server.format_error = format_error;
  server.echo_request_id = false;
  server_ = std::make_unique<http::Server>(
      executor,
      [this](http::Request& request, http::ResponseWriter& response) { return handle(request, response); },
      std::move(server));
}

Daemon::~Daemon() {
  if (jupyter_) jupyter_->close();
}

// The one place where services are put together.
void Daemon::register_routes() {
  router_.add("GET", "/ping",
              [](http::Request&, http::ResponseWriter& response) { return response.send({}); });
  add_command_routes(router_, commands_, retries_, {options_.commands, options_.strip_line_terminators});
  add_file_routes(router_, executions_, {options_.commands.cwd, options_.commands.environment});
  add_pty_routes(router_, ptys_);
  add_metrics_routes(router_, metrics_);
  add_code_routes(router_, contexts_, retries_,
                  [this](std::string id) { return commands_.interrupt(std::move(id)); });
  add_resume_routes(router_, executions_);
  commands_.add_interrupter([this](std::string id) { return contexts_.interrupt(std::move(id)); });
  commands_.add_interrupter([this](std::string id) { return sessions_.interrupt(std::move(id)); });
  add_session_routes(router_, sessions_, retries_, options_.strip_line_terminators);
}

void Daemon::listen() {
  for (const std::string& address : options_.addresses) {
    bool first = port_ == 0;
    try {
      auto listener = listen_at(executor_, address, first ? options_.port : port_);
      if (first) port_ = listener->port();
      server_->serve(std::move(listener));
    } catch (const Error& error) {
      if (first) throw;
      log_info("one address less", {{"error", error.message()}});
    }
  }
  if (options_.jupyter_port != 0) listen_for_jupyter_checks();
}

void Daemon::listen_for_jupyter_checks() {
  try {
    jupyter_ = net::listen_tcp(executor_, "127.0.0.1", options_.jupyter_port);
    net::spawn(executor_, "jupyter port", accept_and_close(jupyter_));
  } catch (const Error& error) {
    log_info("the Jupyter port belongs to somebody else", {{"error", error.message()}});
  }
}

net::task<> Daemon::stop(std::chrono::milliseconds grace) {
  if (jupyter_) jupyter_->close();
  ptys_.say_goodbye();
  co_await server_->stop(grace);
}

bool Daemon::may_enter(const http::Request& request) const {
  if (options_.token.empty()) return true;
  if (request.method == "GET" && request.path == "/ping") return true;
  return equal_in_constant_time(request.headers.get(kTokenHeader), options_.token);
}

net::task<> Daemon::handle(http::Request& request, http::ResponseWriter& response) {
  using Match = http::Router::Match;
  request.path = without_trailing_slash(request.path);
  if (!may_enter(request))
    throw Error(ErrorCode::unauthorized, "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN",
                "UNAUTHORIZED");
  const http::Handler* handler = nullptr;
  std::vector<std::string_view> allowed;
  if (router_.find(request, handler, allowed) != Match::found)
    throw Error(ErrorCode::not_found, "no such route: " + request.method + " " + request.path, "NOT_FOUND");
  co_await (*handler)(request, response);
}

}  // namespace osb::execd
