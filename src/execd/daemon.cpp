#include "execd/daemon.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "http/status.h"

namespace osb::execd {
namespace {

constexpr std::string_view kProxyPath = "/proxy/";
constexpr std::chrono::milliseconds kLastExport{2000};
constexpr std::string_view kTokenHeader = "X-EXECD-ACCESS-TOKEN";

size_t connections_with(size_t wanted) {
  rlimit files;
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  return std::min<size_t>(wanted, files.rlim_cur - files.rlim_cur / 4);
}

Error no_route(const http::Request& request) {
  return Error(ErrorCode::not_found, "no such route: " + request.method + " " + request.path, "NOT_FOUND");
}

std::string_view without_trailing_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// {"code","message"}; clients of older daemons look for a missing token in "error".
http::Response format_error(const Error& error, const http::Request*) {
  http::Response response = http::error_response(error);
  response.headers.set("Content-Type", "application/json; charset=utf-8");
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

net::task<> accept_and_close(std::shared_ptr<net::Listener> listener) {
  try {
    while (true) co_await listener->accept();
  } catch (const Error&) {
    // closed at the end of the daemon
  }
}

}  // namespace

// A stream may rest as long as its client likes, a stuck client may not keep a command's output for ever, and
// one whose machine is gone not longer.
http::Limits daemon_limits() {
  http::Limits limits;
  limits.write_idle_time = std::chrono::minutes(5);
  limits.unacknowledged_time = std::chrono::minutes(5);
  limits.connections = 16384;
  return limits;
}

Daemon::Daemon(net::asio::any_io_executor executor, Reaper& reaper, DaemonOptions options)
    : executor_(executor), reaper_(reaper), options_(std::move(options)), init_(options_.wait_for_init) {
  if (init_.initialized()) open();
  http::ServerOptions server;
  server.limits = options_.http;
  server.limits.connections = connections_with(server.limits.connections);
  server.format_error = format_error;
  server.echo_request_id = false;
  server.on_served = [this](const http::Request& request, int status, std::chrono::microseconds took) {
    count(request, status, took);
  };
  server_ = std::make_unique<http::Server>(
      executor,
      [this](http::Request& request, http::ResponseWriter& response) { return handle(request, response); },
      std::move(server));
}

Daemon::~Daemon() {
  if (jupyter_) jupyter_->close();
}

// Options are final from here on.
void Daemon::open() {
  services_ = std::make_unique<Services>(executor_, reaper_, options_, [this] { return port_; });
  if (options_.export_metrics)
    exporter_ = std::make_unique<OtlpExporter>(executor_, services_->telemetry(), *options_.export_metrics,
                                               options_.version);
}

void Daemon::count(const http::Request& request, int status, std::chrono::microseconds took) {
  log_debug("request", {{"method", request.method}, {"path", request.path}, {"status", status}});
  if (services_)
    services_->telemetry().instruments().http_request(request.method, request.route, status, took);
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

net::task<> Daemon::drain(std::chrono::milliseconds grace) {
  if (jupyter_) jupyter_->close();
  co_await server_->drain(grace);
}

net::task<> Daemon::hang_up(std::chrono::milliseconds limit) {
  if (services_) co_await services_->ptys().hang_up(limit);
}

net::task<> Daemon::stop(std::chrono::milliseconds grace) {
  if (jupyter_) jupyter_->close();
  co_await hang_up({});
  if (services_) services_->ptys().say_goodbye();
  co_await server_->stop(grace);
  if (exporter_) co_await exporter_->finish(kLastExport);
}

bool Daemon::may_enter(const http::Request& request) const {
  std::string_view token = request.headers.get(kTokenHeader);
  if (init_.has_token()) return init_.accepts(token);
  return options_.token.empty() || equal_in_constant_time(token, options_.token);
}

net::task<> Daemon::apply_init(InitRequest init) {
  if (options_.on_init) co_await options_.on_init(init);
  for (const auto& [name, value] : init.envs) options_.commands.environment[name] = value;
  for (const auto& [name, value] : init.attributes) options_.metric_attributes.emplace_back(name, value);
  open();
}

net::task<> Daemon::handle(http::Request& request, http::ResponseWriter& response) {
  using Match = http::Router::Match;
  if (!request.path.starts_with(kProxyPath)) request.path = without_trailing_slash(request.path);
  bool reads = request.method == "GET" || request.method == "HEAD";
  if (reads && request.path == "/ping") co_return co_await response.send({});
  if (reads && request.path == "/ready") co_return co_await init_.answer_ready(response);
  if (request.method == "POST" && request.path == "/internal/init") {
    if (!init_.may_be_asked()) throw no_route(request);
    co_return co_await init_.handle_init(request, response,
                                         [this](InitRequest init) { return apply_init(std::move(init)); });
  }
  if (!init_.initialized())
    throw Error(ErrorCode::unavailable, "the daemon waits for its initialisation", "NOT_INITIALIZED");
  if (!may_enter(request))
    throw Error(ErrorCode::unauthorized, "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN",
                "UNAUTHORIZED");
  const http::Handler* handler = nullptr;
  std::vector<std::string_view> allowed;
  if (services_->router().find(request, handler, allowed) != Match::found) throw no_route(request);
  co_await (*handler)(request, response);
}

}  // namespace osb::execd
