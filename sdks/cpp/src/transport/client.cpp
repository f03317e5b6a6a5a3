#include "transport/client.h"

#include <opensandbox/version.h>

#include "transport/retries.h"
#include "wire/answer_error.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

constexpr const char* kUserAgent = "OpenSandbox-CPP-SDK/" OPENSANDBOX_VERSION;

Target make_server(const ConnectionConfig& config) {
  Target target{parse_address(config.base_url()), {}};
  target.headers.set("User-Agent", config.user_agent.empty() ? kUserAgent : config.user_agent);
  for (const auto& [name, value] : config.headers) target.headers.set(name, value);
  if (std::string key = config.effective_api_key(); !key.empty())
    target.headers.set("OPEN-SANDBOX-API-KEY", key);
  return target;
}

std::string key_of(const Address& address, const std::string& ca_file) {
  return (address.secure ? "s " : "p ") + address.authority() + " " + ca_file;
}

}  // namespace

Stream::~Stream() {
  if (pool_) pool_->give(key_, exchange_.reusable());
}

Reply Stream::body(Milliseconds timeout, const std::stop_token& stop, size_t limit) {
  Reply reply{status(), headers(), {}};
  for (;;) {
    std::string_view piece = read(Wait::at_most(timeout, stop));
    if (piece.empty()) return reply;
    if (reply.body.size() + piece.size() > limit)
      throw Failure(Failure::Cause::broken, "the answer is too large");
    reply.body += piece;
  }
}

Client::Client(ConnectionConfig config)
    : config_(std::move(config)),
      pool_(config_.connections ? config_.connections->pool() : std::make_shared<ConnectionPool>()),
      server_(make_server(config_)) {
  if (config_.request_timeout <= Milliseconds(0))
    throw Error(ErrorCode::invalid_argument, "request_timeout must be more than 0");
}

Target Client::endpoint(const std::string& address, const std::map<std::string, std::string>& headers) const {
  bool secure = server_.address.secure;
  if (!config_.protocol.empty()) secure = lower(config_.protocol) == "https";
  Target target{parse_address((secure ? "https://" : "http://") + address), server_.headers};
  if (!config_.use_server_proxy) target.headers.remove("OPEN-SANDBOX-API-KEY");
  for (const auto& [name, value] : headers) target.headers.set(name, value);
  return target;
}

Stream Client::open(const Target& target, const Call& call, const Wait& limit, Patience patience,
                    bool fresh) const {
  std::string key = key_of(target.address, config_.ca_file);
  auto connection = fresh ? nullptr : pool_->take(key);
  bool reused = connection != nullptr;
  if (!reused) {
    connection = std::make_unique<Connection>();
    connection->channel =
        open_channel(target.address, config_.ca_file, limit.capped(config_.request_timeout));
  }
  Exchange exchange(std::move(connection), call.method);
  try {
    Wait sending = limit;
    sending.each = config_.request_timeout;
    exchange.send(target.address, call, target.headers, sending);
    exchange.receive_head(patience == Patience::endless ? limit : limit.capped(config_.request_timeout));
  } catch (const Failure& failure) {
    // The peer closed an idle connection while the request was under way.
    bool stale = reused && !exchange.answered() && failure.cause() == Failure::Cause::broken;
    if (!stale || !call.idempotent() || !call.replayable()) throw;
    return open(target, call, limit, patience, true);
  }
  return Stream(pool_, std::move(key), std::move(exchange));
}

Stream Client::stream(const Target& target, const Call& call, const Wait& limit, Patience patience) const {
  Stream stream = open(target, call, limit, patience);
  log(target, call, stream.status(), 0);
  if (!call.accepts(stream.status()))
    throw_answer_error(stream.body(config_.request_timeout, limit.stop), call.doing);
  return stream;
}

Reply Client::call_once(const Target& target, const Call& call, const Wait& wait) const {
  try {
    Stream stream = open(target, call, wait);
    Reply reply = stream.body(config_.request_timeout, wait.stop);
    log(target, call, reply.status, reply.body.size());
    if (!call.accepts(reply.status)) throw_answer_error(reply, call.doing);
    return reply;
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, target);
  }
}

Reply Client::call(const Target& target, const Call& call, const std::stop_token& stop) const {
  Retries retries(config_.retries, call, target.address.url() + call.path);
  for (;;) {
    std::optional<Milliseconds> again;
    try {
      Stream stream = open(target, call, Wait::until_stopped(stop));
      Reply reply = stream.body(config_.request_timeout, stop);
      log(target, call, reply.status, reply.body.size());
      if (call.accepts(reply.status)) return reply;
      again = retries.after(reply);
      if (!again) throw_answer_error(reply, call.doing);
    } catch (const Failure& failure) {
      again = retries.after(failure);
      if (!again) throw_network_error(failure, call.doing, target);
    }
    try {
      pause(*again, Wait::until_stopped(stop));
    } catch (const Failure& failure) {
      throw_network_error(failure, call.doing, target);
    }
  }
}

void Client::remember_numbered(const Target& target) {
  std::lock_guard lock(mutex_);
  numbered_.insert(target.address.url());
}

bool Client::numbered(const Target& target) const {
  std::lock_guard lock(mutex_);
  return numbered_.contains(target.address.url());
}

void Client::log(const Target& target, const Call& call, int status, size_t bytes) const {
  if (!config_.log) return;
  config_.log(call.method + " " + target.address.url() + call.path + ": " + std::to_string(status) + ", " +
              std::to_string(bytes) + " bytes");
}

void throw_network_error(const Failure& failure, const std::string& doing, const Target& target) {
  using enum Failure::Cause;
  if (failure.cause() == cancelled) throw Error(ErrorCode::cancelled, doing + ": stopped by the caller");
  bool before = failure.cause() == not_sent || failure.cause() == untrusted;
  ErrorCode code = failure.cause() == timeout     ? ErrorCode::timeout
                   : failure.cause() == untrusted ? ErrorCode::untrusted
                                                  : ErrorCode::unreachable;
  std::string where = (target.address.secure ? "https://" : "http://") + target.address.authority();
  throw Error(code,
              doing + ": " + where + (before ? " cannot be reached: " : " gave no answer: ") + failure.what(),
              {}, failure.cause() == not_sent);
}

}  // namespace opensandbox::detail
