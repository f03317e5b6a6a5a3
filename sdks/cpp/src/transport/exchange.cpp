#include "transport/exchange.h"

#include <algorithm>

#include "base/error.h"
#include "transport/failure.h"

namespace opensandbox::detail {
namespace {

constexpr size_t kHeadLimit = 64 * 1024;
constexpr size_t kPiece = 64 * 1024;

// What the strict codec refuses is a broken connection to us.
template <class Work>
auto checked(Work&& work) {
  try {
    return work();
  } catch (const osb::Error& error) {
    throw Failure(Failure::Cause::broken, error.message());
  }
}

std::string head_text(const Address& address, const Call& call, const osb::http::Headers& common) {
  std::string text;
  osb::http::append_request_line(text, call.method, address.path + call.path);
  osb::http::append_header(text, "Host", address.authority());
  for (const auto& [name, value] : common)
    if (!call.headers.has(name)) osb::http::append_header(text, name, value);
  for (const auto& [name, value] : call.headers) osb::http::append_header(text, name, value);
  if (!call.content_type.empty()) osb::http::append_header(text, "Content-Type", call.content_type);
  bool chunked = call.source && !call.source->length;
  if (chunked) {
    osb::http::append_header(text, "Transfer-Encoding", "chunked");
  } else if (call.source || !call.body.empty() || !call.idempotent()) {
    uint64_t length = call.source ? *call.source->length : call.body.size();
    osb::http::append_header(text, "Content-Length", std::to_string(length));
  }
  return text + "\r\n";
}

}  // namespace

bool Call::accepts(int status) const {
  if (expect.empty()) return status >= 200 && status < 300;
  return std::find(expect.begin(), expect.end(), status) != expect.end();
}

Exchange::Exchange(std::unique_ptr<Connection> connection, std::string method)
    : connection_(std::move(connection)), method_(std::move(method)) {}

void Exchange::send(const Address& address, const Call& call, const osb::http::Headers& common,
                    const Wait& wait) {
  try {
    Channel& channel = *connection_->channel;
    if (call.source) {
      channel.write(head_text(address, call, common), wait);
      send_source(*call.source, wait);
    } else {
      channel.write(head_text(address, call, common) + call.body, wait);
    }
  } catch (const Failure& failure) {
    if (failure.cause() != Failure::Cause::broken) throw;
    cut_short_ = true;
  }
}

void Exchange::send_source(const BodySource& source, const Wait& wait) {
  Channel& channel = *connection_->channel;
  for (;;) {
    std::string piece = source.next();
    if (piece.empty()) break;
    if (source.length) {
      channel.write(piece, wait);
      continue;
    }
    std::string chunk;
    osb::http::append_chunk_size(chunk, piece.size());
    channel.write(chunk + piece + "\r\n", wait);
  }
  if (!source.length) channel.write("0\r\n\r\n", wait);
}

size_t Exchange::fill(const Wait& wait) {
  std::string& rest = connection_->rest;
  rest.erase(0, used_);
  used_ = 0;
  size_t before = rest.size();
  rest.resize(before + kPiece);
  size_t count = 0;
  try {
    count = connection_->channel->read(std::span(rest.data() + before, kPiece), wait);
  } catch (...) {
    rest.resize(before);
    throw;
  }
  rest.resize(before + count);
  if (count) answered_ = true;
  return count;
}

void Exchange::receive_head(const Wait& wait) {
  for (;;) {
    osb::http::HeadScanner scanner(kHeadLimit);
    size_t length;
    while ((length = checked([&] { return scanner.scan(connection_->rest); })) == 0)
      if (fill(wait) == 0) throw Failure(Failure::Cause::broken, "the connection ended before the answer");
    head_ = checked([&] {
      return osb::http::parse_response_head(std::string_view(connection_->rest).substr(0, length), method_);
    });
    connection_->rest.erase(0, length);
    if (head_.status >= 200 || head_.status == 101) break;
  }
  decoder_ = osb::http::BodyDecoder(head_.body);
}

std::string_view Exchange::read(const Wait& wait) {
  while (!decoder_.done()) {
    std::string_view rest = std::string_view(connection_->rest).substr(used_);
    while (!rest.empty() && !decoder_.done()) {
      auto step = checked([&] { return decoder_.feed(rest); });
      used_ += step.consumed;
      rest.remove_prefix(step.consumed);
      if (!step.body.empty()) return step.body;
    }
    if (decoder_.done()) break;
    if (fill(wait) == 0) checked([&] { decoder_.end_of_input(); });
  }
  return {};
}

std::unique_ptr<Connection> Exchange::reusable() {
  if (!connection_ || cut_short_ || !decoder_.done() || !head_.keep_alive) return nullptr;
  connection_->rest.erase(0, used_);
  used_ = 0;
  if (!connection_->rest.empty()) return nullptr;
  connection_->rest.shrink_to_fit();
  return std::move(connection_);
}

}  // namespace opensandbox::detail
