// Writing: whoever sends while nobody writes puts its frame on the wire itself, without a detour over the
// queue. Frames that come meanwhile are queued, and a coroutine of our own takes them from there, so that no
// sender has to work for the others.
//
// Closing: a Close frame that was written is not yet one that the peer has read. Ending the connection while
// the peer sends would reset it and destroy what the kernel still holds for it, so we wait as long as the
// kernel's queue gets shorter.
#include "http/websocket.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <deque>
#include <utility>
#include <vector>

#include "http/input_buffer.h"
#include "http/websocket_handshake.h"
#include "http/write_slice.h"
#include "net/timer.h"

namespace osb::http {
namespace {}  // namespace

struct WebSocket::State : std::enable_shared_from_this<State> {
  struct Frame {
    std::string head;
    std::string payload;
    size_t size() const { return head.size() + payload.size(); }
  };

  State(std::unique_ptr<net::Stream> s, WebSocketOptions o)
      : stream(std::move(s)),
        options(o),
        decoder(WebSocketDecoder::From::client, o.message_bytes),
        room(stream->executor()),
        over(stream->executor()) {}

  static Frame frame(Opcode kind, std::string payload) {
    Frame out{{}, std::move(payload)};
    append_frame_head(out.head, kind, out.payload.size());
    return out;
  }

  bool usable() const { return !dropped && !close_queued; }
  void check_usable() const {
    if (!usable()) throw Error(ErrorCode::unavailable, "sending a WebSocket message: the connection is over");
  }

  void drop() {
    if (std::exchange(dropped, true)) return;
    stream->close();
    queue.clear();
    queued = 0;
    room.notify();
    over.notify();
  }

  void enqueue(Frame frame) {
    queued += frame.size();
    queue.push_back(std::move(frame));
    start_writer();
  }

  void start_writer() {
    if (!std::exchange(writing, true))
      net::spawn(stream->executor(), "websocket writer", write_queue(shared_from_this()));
  }

  // Answers only the newest of several pings, as the protocol allows: they cannot pile up.
  void answer_ping(std::string payload) {
    pong = std::move(payload);
    start_writer();
  }

  void close(CloseCode code, std::string_view reason) {
    if (dropped || std::exchange(close_queued, true)) return;
    enqueue(frame(Opcode::close, close_payload(code, reason)));
  }

  bool next_frame(Frame& out) {
    if (dropped || close_sent) return false;
    if (pong) {
      out = frame(Opcode::pong, *std::exchange(pong, std::nullopt));
    } else if (std::exchange(ping_due, false)) {
      out = frame(Opcode::ping, {});
    } else if (!queue.empty()) {
      out = std::move(queue.front());
      queue.pop_front();
      queued -= out.size();
    } else {
      return false;
    }
    return true;
  }

  net::task<> write(const Frame& frame) {
    std::string_view head = frame.head;
    std::string_view rest = frame.payload;
    do {
      std::string_view piece = rest.substr(0, kWriteSlice);
      stream->set_write_deadline(options.write_time);
      co_await stream->write({std::exchange(head, {}), piece});
      rest.remove_prefix(piece.size());
    } while (!rest.empty());
  }

  static net::task<> write_queue(std::shared_ptr<State> self) {
    bool broken = false;
    try {
      for (Frame next; self->next_frame(next);) {
        bool last = self->close_queued && self->queue.empty();
        co_await self->write(next);
        self->room.notify();
        if (last) self->close_was_sent();
      }
    } catch (const Error&) {
      broken = true;
    }
    self->writing = false;
    if (broken) self->drop();
  }

  void close_was_sent() {
    if (std::exchange(close_sent, true)) return;
    stream->set_read_deadline({});  // await_end() decides from here
    end_our_side();
    net::spawn(stream->executor(), "websocket end", await_end(shared_from_this()));
  }

  void end_our_side() {
    if (close_sent && (close_received || bad)) stream->shutdown_write();
  }

  int unsent() const {
    int bytes = 0;
    return ::ioctl(stream->native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
  }

  // Gives up on a peer that, after our Close, took nothing for close_time.
  static net::task<> await_end(std::shared_ptr<State> self) {
    int before = 0;
    do {
      before = self->unsent();
      if (co_await self->over.wait_for(self->options.close_time)) co_return;
    } while (!self->dropped && self->unsent() < before);
    self->drop();
  }

  static net::task<> ping_regularly(std::shared_ptr<State> self) {
    while (!self->dropped && !co_await self->over.wait_for(self->options.ping_every)) {
      if (!self->usable()) co_return;
      self->ping_due = true;
      self->start_writer();
    }
  }

  // What was read, up to the next message for the handler.
  std::optional<WebSocketMessage> next_message() {
    while (!buffer.empty()) {
      WebSocketDecoder::Step step = decoder.feed(buffer.view());
      buffer.consume(step.consumed);
      if (!step.message) continue;
      switch (step.message->kind) {
        case Opcode::ping:
          if (usable()) answer_ping(std::move(step.message->payload));
          break;
        case Opcode::pong:
          break;
        case Opcode::close:
          close_received = true;
          close(step.message->close_code, {});  // an echo, if we did not begin
          end_our_side();
          return std::nullopt;
        default:
          if (usable()) return std::move(step.message);
      }
    }
    return std::nullopt;
  }

  bool messages_may_come() const { return !close_received && !eof && !bad && !dropped; }

  net::task<> read_more() {
    if (!close_sent) stream->set_read_deadline(options.idle_time);
    bool idle = false;
    try {
      size_t count = co_await stream->read_some(buffer.room());
      buffer.committed(count);
      eof = count == 0;
    } catch (const Error& error) {
      eof = true;
      idle = error.code() == ErrorCode::timeout;
    }
    if (idle) close(CloseCode::going_away, "nothing was heard for too long");
  }

  std::unique_ptr<net::Stream> stream;
  WebSocketOptions options;
  WebSocketDecoder decoder;
  InputBuffer buffer;
  net::Event room;  // the queue got shorter
  net::Event over;  // drop() ran
  std::deque<Frame> queue;
  size_t queued = 0;
  std::optional<std::string> pong;
  bool ping_due = false;
  bool writing = false;
  bool close_queued = false;
  bool close_sent = false;
  bool close_received = false;
  bool eof = false;  // or reading failed
  bool bad = false;  // what comes cannot be understood
  bool dropped = false;
};

net::task<std::unique_ptr<WebSocket>> WebSocket::accept(Request& request, ResponseWriter& response,
                                                        WebSocketOptions options) {
  check_websocket_request(request);
  std::string answer = websocket_answer(request);
  std::string early;
  auto state = std::make_shared<State>(response.upgrade(early), options);
  if (!early.empty()) state->buffer.refill(early);
  std::unique_ptr<WebSocket> socket(new WebSocket(state));
  state->stream->set_write_deadline(options.write_time);
  co_await state->stream->write(answer);
  net::spawn(state->stream->executor(), "websocket ping", State::ping_regularly(state));
  co_return socket;
}

WebSocket::~WebSocket() { state_->drop(); }

net::task<std::optional<WebSocketMessage>> WebSocket::receive() {
  std::shared_ptr<State> self = state_;
  while (self->messages_may_come()) {
    std::optional<WebSocketMessage> message;
    try {
      message = self->next_message();
    } catch (const WebSocketError& error) {
      self->bad = true;
      self->close(error.close_code(), error.message());
    }
    if (message) co_return message;
    if (self->messages_may_come()) co_await self->read_more();
  }
  co_return std::nullopt;
}

net::task<> WebSocket::send(Opcode kind, std::string payload) {
  std::shared_ptr<State> self = state_;
  self->check_usable();
  State::Frame frame = State::frame(kind, std::move(payload));
  if (self->writing) {
    self->enqueue(std::move(frame));
    while (self->queued > self->options.queued_bytes) co_await self->room.wait();
    if (self->dropped) self->check_usable();
    co_return;
  }
  self->writing = true;
  try {
    co_await self->write(frame);
  } catch (...) {
    self->writing = false;
    self->drop();
    throw;
  }
  self->writing = false;
  if (!self->queue.empty() || self->pong || self->ping_due) self->start_writer();
}

void WebSocket::close(CloseCode code, std::string_view reason) { state_->close(code, reason); }

void WebSocket::drop() { state_->drop(); }

bool WebSocket::open() const { return state_->usable(); }

net::task<> WebSocket::finish() {
  std::shared_ptr<State> self = state_;
  self->close(CloseCode::normal, {});
  while (!self->dropped && !self->close_sent) co_await self->room.wait();
  // What still comes is read, so that the end of the connection is not a reset.
  while (!self->dropped && !self->eof) {
    if (self->messages_may_come()) {
      co_await receive();
    } else {
      self->buffer.consume(self->buffer.view().size());
      co_await self->read_more();
    }
  }
  self->drop();
}

}  // namespace osb::http
