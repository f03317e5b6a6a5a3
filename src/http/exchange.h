// One request and its answer on a connection: the body on its way in, the response on its way out.
#pragma once

#include "http/body_source.h"
#include "http/connection.h"

namespace osb::http {

class Connection::Exchange final : public BodyReader, public ResponseWriter {
 public:
  Exchange(Connection& connection, const Request& request, const RequestHead& head);

  // BodyReader
  net::task<size_t> read_some(std::span<char> into) override;
  net::task<std::string> read_all(uint64_t limit) override;
  std::optional<uint64_t> content_length() const override;
  void give_up() override;

  // ResponseWriter
  net::task<> send(Response response) override;
  void start(int status, Headers headers) override;
  net::task<> write(std::string_view bytes) override;
  net::task<> flush_head() override;
  net::task<> write_file(net::FileRegion region, net::Offload offload) override;
  net::task<> finish(std::string_view last) override;
  bool started() const override { return phase_ != Phase::nothing; }
  void add_header(std::string name, std::string value) override;
  std::unique_ptr<net::Stream> upgrade(std::string& buffered) override;
  net::Stream& stream() override;

  bool finished() const { return phase_ == Phase::finished; }
  bool upgraded() const { return phase_ == Phase::upgraded; }
  int status() const { return status_; }
  // After the answer: makes the connection ready for the next request, or decides that it ends.
  net::task<> settle();
  // The answer cannot be completed: breaks the connection so that the client notices.
  void abandon();

 private:
  enum class Phase { nothing, head_pending, streaming, finished, upgraded };
  enum class Framing { length, chunked, until_close, no_body };

  void check_readable() const;
  void check_open(std::string_view doing) const;
  void build_head(int status, const Headers& headers, std::optional<uint64_t> length);
  void decide_persistence(const Headers& headers);
  net::task<> put(std::vector<std::string_view> parts);
  void take_from_length(uint64_t bytes);
  net::task<> send_continue();

  Connection& connection_;
  const Request& request_;
  BodySource source_;
  Headers added_;
  std::string head_;
  Phase phase_ = Phase::nothing;
  Framing framing_ = Framing::no_body;
  uint64_t length_left_ = 0;
  int status_ = 0;
  bool http_1_0_;
  bool continue_due_;
  bool body_failed_ = false;
  bool given_up_ = false;
  bool broken_ = false;
};

}  // namespace osb::http
