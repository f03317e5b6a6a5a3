// One request and its answer on a connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/codec.h"
#include "transport/channel.h"
#include "transport/request.h"

namespace opensandbox::detail {

// A connection with the bytes that were read from it and belong to nobody yet.
struct Connection {
  std::unique_ptr<Channel> channel;
  std::string rest;
  Clock::time_point idle_since{};
};

class Exchange {
 public:
  Exchange(std::unique_ptr<Connection> connection, std::string method);

  // Sends the request. When the peer answers and closes before it has everything, that answer is what counts:
  // no failure then, but the connection cannot be used again.
  void send(const Address& address, const Call& call, const osb::http::Headers& common, const Wait& wait);
  // Waits for the head of the answer; interim ones are passed over. Throws Failure.
  void receive_head(const Wait& wait);

  const osb::http::ResponseHead& head() const { return head_; }
  // Whether anything of an answer has come.
  bool answered() const { return answered_; }
  // The next piece of the body, empty at its end. Valid until the next call. Throws Failure.
  std::string_view read(const Wait& wait);
  bool complete() const { return decoder_.done(); }
  // The connection, when it may carry another request, else nullptr.
  std::unique_ptr<Connection> reusable();
  // The connection after a 101.
  std::unique_ptr<Connection> take() { return std::move(connection_); }

 private:
  void send_source(const BodySource& source, const Wait& wait);
  size_t fill(const Wait& wait);

  std::unique_ptr<Connection> connection_;
  std::string method_;
  osb::http::ResponseHead head_;
  osb::http::BodyDecoder decoder_;
  bool answered_ = false;
  bool cut_short_ = false;  // the request was not sent completely
  size_t used_ = 0;         // bytes at the front of connection_->rest that were given out
};

}  // namespace opensandbox::detail
