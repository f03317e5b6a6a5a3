#include "transport/websocket.h"

#include <random>

#include "base/base64.h"
#include "http/websocket_accept.h"
#include "wire/answer_error.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

constexpr size_t kMessageLimit = 16 * 1024 * 1024;
constexpr Milliseconds kPongTime{5'000};

}  // namespace

WebSocket::WebSocket(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)),
      decoder_(osb::http::WebSocketDecoder::From::server, kMessageLimit) {}

std::unique_ptr<WebSocket> WebSocket::open(const Client& client, const Target& target, Call call,
                                           const std::stop_token& stop) {
  std::string key = osb::base64(random_key().substr(0, 16));
  call.headers.set("Connection", "Upgrade");
  call.headers.set("Upgrade", "websocket");
  call.headers.set("Sec-WebSocket-Version", "13");
  call.headers.set("Sec-WebSocket-Key", key);
  Stream stream = client.open(target, call, Wait::until_stopped(stop), Client::Patience::none, true);
  if (stream.status() != 101)
    throw_answer_error(stream.body(client.config().request_timeout, stop), call.doing);
  if (stream.headers().get("Sec-WebSocket-Accept") != osb::http::websocket_accept(key))
    throw Error(ErrorCode::protocol, call.doing + ": the answer to the WebSocket handshake is wrong");
  return std::make_unique<WebSocket>(stream.take_connection());
}

std::optional<osb::http::WebSocketMessage> WebSocket::read(const Wait& wait) {
  std::string& rest = connection_->rest;
  for (;;) {
    while (!rest.empty()) {
      osb::http::WebSocketDecoder::Step step;
      try {
        step = decoder_.feed(rest);
      } catch (const osb::Error& error) {
        throw Failure(Failure::Cause::broken, error.message());
      }
      rest.erase(0, step.consumed);
      if (!step.message) continue;
      if (step.message->kind != osb::http::Opcode::ping) return std::move(step.message);
      send(osb::http::Opcode::pong, step.message->payload, Wait::at_most(kPongTime, wait.stop));
    }
    rest.resize(32 * 1024);
    size_t count = 0;
    try {
      count = connection_->channel->read(std::span(rest.data(), rest.size()), wait);
    } catch (...) {
      rest.clear();
      throw;
    }
    rest.resize(count);
    if (count == 0) return std::nullopt;
  }
}

void WebSocket::send(osb::http::Opcode kind, std::string_view payload, const Wait& wait) {
  thread_local std::random_device random;
  std::string frame;
  osb::http::append_frame(frame, kind, payload, static_cast<uint32_t>(random()));
  std::lock_guard lock(sending_);
  connection_->channel->write(frame, wait);
}

}  // namespace opensandbox::detail
