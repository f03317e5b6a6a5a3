#include "server/app.h"

#include "base/log.h"
#include "server/answers.h"
#include "server/auth.h"
#include "server/cors.h"

namespace osb::server {

namespace {

constexpr std::chrono::seconds kWaitForReady{5};
constexpr std::chrono::seconds kSlow{2};

http::ClientOptions backend_options() {
  http::ClientOptions options;
  options.connect_time = std::chrono::seconds(5);
  options.response_time = std::chrono::seconds(180);
  return options;
}

// Counts a request while it runs.
class Running {
 public:
  explicit Running(std::shared_ptr<size_t> count) : count_(std::move(count)) { ++*count_; }
  ~Running() { --*count_; }
  Running(const Running&) = delete;

 private:
  std::shared_ptr<size_t> count_;
};

void log_served(const http::Request& request, int status, std::chrono::microseconds took) {
  bool stream = request.route.find("/proxy/") != std::string_view::npos;
  LogLevel level = status >= 500 && status != 501 ? LogLevel::warn
                   : took > kSlow && !stream      ? LogLevel::info
                                                  : LogLevel::debug;
  if (!log_enabled(level)) return;
  log(level, "request",
      {{"method", request.method},
       {"path", request.path},
       {"status", status},
       {"us", took.count()},
       {"peer", request.peer.address},
       {"request_id", request.request_id}});
}

bool is_open_route(std::string_view route) { return route == "/health" || route == "/version"; }

}  // namespace

App::App(net::asio::any_io_executor executor, const ServerConfig& config, store::Database& database,
         runtime::Runtime& runtime)
    : config_(config),
      store_(database),
      catalogue_(store_),
      lifecycle_(executor, catalogue_, store_, runtime),
      backends_(executor, backend_options()),
      became_ready_(executor),
      context_{config_, catalogue_, lifecycle_, addresses_, backends_, runtime, ready_},
      server_(
          executor, [this](http::Request& q, http::ResponseWriter& r) { return handle(q, r); },
          server_options()) {
  add_routes(router_, context_);
}

App::~App() = default;

http::ServerOptions App::server_options() const {
  http::ServerOptions options;
  options.limits.idle_time = config_.keep_alive;
  options.limits.body_bytes = kLongestBody;
  options.format_error = [](const Error& error, const http::Request*) { return failure_answer(error); };
  options.on_served = log_served;
  return options;
}

void App::serve(std::unique_ptr<net::Listener> listener) { server_.serve(std::move(listener)); }

net::task<> App::recover() {
  co_await lifecycle_.recover();
  ready_ = true;
  became_ready_.notify();
}

net::task<> App::stop(std::chrono::milliseconds grace) {
  lifecycle_.stop();
  return server_.stop(grace);
}

net::task<> App::handle(http::Request& request, http::ResponseWriter& response) {
  add_cors_headers(request, response);
  if (is_preflight(request)) {
    co_await response.send(preflight_answer(request));
    co_return;
  }
  std::exception_ptr failure;
  try {
    co_await dispatch(request, response);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  if (response.started()) std::rethrow_exception(failure);  // nothing can be said any more
  co_await response.send(failure_answer(failure, request.request_id));
}

net::task<> App::dispatch(http::Request& request, http::ResponseWriter& response) {
  check_api_key(request, config_.api_key);
  const http::Handler* handler = nullptr;
  std::string allowed;
  http::Router::Match match = find_route(request, handler, allowed);
  if (match != http::Router::Match::found) {
    co_await response.send(match == http::Router::Match::no_route ? no_route_answer()
                                                                  : wrong_method_answer(allowed));
    co_return;
  }
  bool open = is_open_route(request.route);
  if (!open && config_.limit_concurrency && *running_ >= config_.limit_concurrency)
    throw Error(ErrorCode::unavailable, "the server works on as many requests as it may", "SERVER_BUSY");
  Running running(running_);
  if (!ready_ && !open) co_await wait_until_ready();
  co_await (*handler)(request, response);
}

// A path with a slash at its end means the same as without, unless that slash has a meaning of its own.
http::Router::Match App::find_route(http::Request& request, const http::Handler*& handler,
                                    std::string& allowed) const {
  std::vector<std::string_view> methods;
  http::Router::Match match = router_.find(request, handler, methods);
  if (match == http::Router::Match::no_route && request.path.size() > 1 && request.path.ends_with('/')) {
    request.path.pop_back();
    match = router_.find(request, handler, methods);
  }
  for (std::string_view method : methods) allowed += (allowed.empty() ? "" : ", ") + std::string(method);
  return match;
}

net::task<> App::wait_until_ready() {
  auto end = std::chrono::steady_clock::now() + kWaitForReady;
  while (!ready_) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !co_await became_ready_.wait_for(left))
      throw Error(ErrorCode::unavailable, "the server is taking over its sandboxes", "SERVER_STARTING");
  }
}

}  // namespace osb::server
