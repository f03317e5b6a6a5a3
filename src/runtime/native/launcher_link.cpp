#include "runtime/native/launcher_link.h"

#include <algorithm>
#include <optional>

#include "base/defer.h"
#include "base/error.h"
#include "base/log.h"
#include "launcher/launcher_socket.h"

namespace osb::runtime {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr auto kFirstPause = 20ms;
constexpr auto kGreetingLimit = 5s;  // from connect to the complete first list
constexpr auto kFullSocketPause = 2ms;
constexpr size_t kMaxPending = 65536;

milliseconds left_until(Clock::time_point end) {
  return std::max(duration_cast<milliseconds>(end - Clock::now()), milliseconds(0));
}

}  // namespace

LauncherLink::LauncherLink(net::asio::any_io_executor executor, LinkOptions options)
    : executor_(executor), options_(std::move(options)), changed_(executor) {}

void LauncherLink::start() { net::spawn(executor_, "launcher link", run(shared_from_this())); }

void LauncherLink::stop() {
  stopping_ = true;
  on_sync = nullptr;
  on_exit = nullptr;
  if (readable_) readable_->cancel();  // the socket is closed after its watcher is gone
  lose_pending();
  changed_.notify();
}

Fd LauncherLink::connect() const {
  Result<Fd> socket = launcher::connect_launcher(options_.run_directory.get(), options_.launcher_uid);
  return std::move(socket.value());
}

net::task<> LauncherLink::run(std::shared_ptr<LauncherLink> self) {
  milliseconds pause = kFirstPause;
  while (!self->stopping_) {
    Result<Fd> socket =
        launcher::connect_launcher(self->options_.run_directory.get(), self->options_.launcher_uid);
    std::string trouble;
    if (socket) {
      try {
        co_await self->serve(std::move(*socket));
      } catch (const Error& error) {
        trouble = error.message();
      }
      if (self->connected_) pause = kFirstPause;
      self->lose_pending();
      self->socket_.reset();
    } else {
      trouble = socket.error().message();
    }
    if (self->stopping_) break;
    if (!self->complained_) log_warn("no connection to the launcher", {{"cause", trouble}});
    self->complained_ = true;
    co_await self->changed_.wait_for(pause);
    pause = std::min(pause * 2, self->options_.longest_pause);
  }
}

// A launcher that accepts and says nothing must not hold the link for ever.
net::task<> LauncherLink::watch_greeting(std::shared_ptr<LauncherLink> self, uint64_t connection) {
  auto end = Clock::now() + kGreetingLimit;
  while (Clock::now() < end && self->connection_ == connection && !self->connected_ && !self->stopping_)
    co_await self->changed_.wait_for(left_until(end));
  if (self->connection_ == connection && !self->connected_ && self->readable_) self->readable_->cancel();
}

net::task<> LauncherLink::serve(Fd socket) {
  socket_ = std::move(socket);
  uint64_t connection = ++connection_;
  net::Readable readable(executor_, socket_.get());
  readable_ = &readable;
  Defer forget([this] { readable_ = nullptr; });
  net::spawn(executor_, "launcher greeting", watch_greeting(shared_from_this(), connection));

  launcher::Reply first = launcher::decode_reply(co_await next_packet());
  auto* hello = std::get_if<launcher::HelloEvent>(&first.body);
  if (!hello) throw Error(ErrorCode::unavailable, "talking to the launcher: it did not say hello");
  if (hello->version < launcher::kOldestProtocol || hello->version > launcher::kProtocolVersion)
    throw Error(ErrorCode::unavailable, "talking to the launcher: it speaks protocol " +
                                            std::to_string(hello->version) + ", not " +
                                            std::to_string(launcher::kProtocolVersion));
  uint64_t number = next_number_++;
  co_await send(launcher::encode(launcher::Request{number, launcher::ListRequest{}}),
                Clock::now() + kGreetingLimit);
  std::vector<launcher::SandboxInfo> all;
  for (bool more = true; more;) {
    launcher::Reply reply = launcher::decode_reply(co_await next_packet());
    if (reply.number != number) {
      dispatch(std::move(reply));
      continue;
    }
    auto* part = std::get_if<launcher::ListReply>(&reply.body);
    if (!part)
      throw Error(ErrorCode::unavailable, "talking to the launcher: it could not list its sandboxes");
    std::ranges::move(part->sandboxes, std::back_inserter(all));
    more = part->more;
  }
  synchronise(std::move(all), hello->boot_id);
  for (;;) dispatch(launcher::decode_reply(co_await next_packet()));
}

net::task<std::string> LauncherLink::next_packet() {
  for (;;) {
    if (std::optional<std::string> packet = launcher::receive_packet(socket_.get()))
      co_return std::move(*packet);
    co_await readable_->wait();
  }
}

void LauncherLink::synchronise(std::vector<launcher::SandboxInfo> all, const std::string& boot_id) {
  bool other = !boot_id_.empty() && boot_id_ != boot_id;
  boot_id_ = boot_id;
  complained_ = false;
  log_info("connected to the launcher",
           {{"boot_id", boot_id}, {"sandboxes", all.size()}, {"restarted", other}});
  if (on_sync) on_sync(all, other);
  connected_ = true;
  changed_.notify();
}

void LauncherLink::dispatch(launcher::Reply reply) {
  if (reply.number == 0) {
    auto* exit = std::get_if<launcher::ExitEvent>(&reply.body);
    if (!exit) throw Error(ErrorCode::unavailable, "talking to the launcher: it said hello twice");
    if (on_exit) on_exit(exit->sandbox);
    return;
  }
  auto found = pending_.find(reply.number);
  if (found == pending_.end()) return;  // the caller gave up
  Pending& pending = *found->second;
  if (auto* part = std::get_if<launcher::ListReply>(&reply.body)) {
    std::ranges::move(part->sandboxes, std::back_inserter(pending.list));
    if (part->more) return;
    part->sandboxes = std::move(pending.list);
  }
  pending.reply = std::move(reply.body);
  pending.done = true;
  pending_.erase(found);
  pending.event.notify();
}

void LauncherLink::lose_pending() {
  connected_ = false;
  for (auto& [number, pending] : std::exchange(pending_, {})) {
    pending->lost = true;
    pending->event.notify();
  }
}

net::task<bool> LauncherLink::wait_connected(Milliseconds limit) {
  auto end = Clock::now() + limit;
  while (!connected_ && !stopping_ && Clock::now() < end) co_await changed_.wait_for(left_until(end));
  co_return connected_;
}

net::task<> LauncherLink::send(std::string packet, Clock::time_point end) {
  uint64_t connection = connection_;
  while (!launcher::send_packet(socket_.get(), packet)) {
    if (Clock::now() >= end) throw Error(ErrorCode::timeout, "asking the launcher: it takes no requests");
    co_await net::sleep_for(kFullSocketPause);
    if (connection != connection_ || !socket_)
      throw Error(ErrorCode::unavailable, "asking the launcher: the connection was lost");
  }
}

net::task<launcher::ReplyBody> LauncherLink::call(launcher::RequestBody request, Milliseconds limit) {
  std::shared_ptr<LauncherLink> self = shared_from_this();
  auto end = Clock::now() + limit;
  if (!connected_ && !co_await wait_connected(std::min(options_.patience, limit)))
    throw Error(ErrorCode::unavailable, "asking the launcher: there is no connection to it");
  if (pending_.size() >= kMaxPending)
    throw Error(ErrorCode::exhausted, "asking the launcher: too many requests at once");

  uint64_t number = next_number_++;
  std::string packet = launcher::encode(launcher::Request{number, std::move(request)});
  Pending pending(executor_);
  pending_[number] = &pending;
  Defer forget([&] { pending_.erase(number); });
  co_await send(std::move(packet), end);
  while (!pending.done && !pending.lost) {
    if (Clock::now() >= end)
      throw Error(ErrorCode::timeout, "asking the launcher: it did not answer in time");
    co_await pending.event.wait_for(left_until(end));
  }
  if (pending.lost) throw Error(ErrorCode::unavailable, "asking the launcher: the connection was lost");
  if (auto* error = std::get_if<launcher::ErrorReply>(&pending.reply))
    throw Error(error->code, error->message);
  co_return std::move(pending.reply);
}

}  // namespace osb::runtime
