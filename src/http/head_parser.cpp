// Heads are parsed by Beast's parser; this file is the only one that sees it. What Beast is lenient about
// (folded lines, list-valued or repeated lengths, other transfer codings) is refused here.
#include <string.h>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/error.h"
#include "http/codec.h"

namespace osb::http {

namespace beast = boost::beast::http;

namespace {

Error refused(std::string_view what) {
  return Error(ErrorCode::invalid, "reading the HTTP head: " + std::string(what), "INVALID_REQUEST");
}

// The fields that decide where the message ends.
struct Lengths {
  unsigned lengths = 0;
  unsigned codings = 0;
  bool chunked = false;
  uint64_t length = 0;

  void see(beast::field field, std::string_view value) {
    if (field == beast::field::content_length) {
      lengths++;
      if (value.empty() || value.size() > 18) throw refused("bad Content-Length");
      length = 0;
      for (char c : value) {
        if (c < '0' || c > '9') throw refused("bad Content-Length");
        length = length * 10 + static_cast<unsigned>(c - '0');
      }
    } else if (field == beast::field::transfer_encoding) {
      codings++;
      chunked = equal_ignoring_case(value, "chunked");
    }
  }

  void check(bool http_1_0) const {
    if (lengths > 1) throw refused("more than one Content-Length");
    if (lengths && codings) throw refused("both Content-Length and Transfer-Encoding");
    if (codings > 1 || (codings && !chunked)) throw refused("a Transfer-Encoding other than chunked");
    if (codings && http_1_0) throw refused("Transfer-Encoding in HTTP/1.0");
  }

  BodyFraming framing(BodyFraming::Kind without) const {
    if (chunked) return {BodyFraming::Kind::chunked};
    if (lengths) return {length ? BodyFraming::Kind::length : BodyFraming::Kind::none, length};
    return {without};
  }
};

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <bool kRequest, class Head>
class Parser final : public beast::basic_parser<kRequest> {
 public:
  explicit Parser(Head& head) : head_(head) {}

  void run(std::string_view text) {
    this->header_limit(static_cast<uint32_t>(text.size()) + 1);
    this->body_limit(boost::none);
    boost::system::error_code error;
    size_t used = this->put(boost::asio::const_buffer(text.data(), text.size()), error);
    if (error) throw refused(error.message());
    if (used != text.size() || !this->is_header_done()) throw refused("the head is not complete");
    lengths_.check(head_.http_1_0);
    head_.keep_alive = head_.http_1_0 ? head_.headers.has_token("Connection", "keep-alive") : !closes_;
  }

  const Lengths& lengths() const { return lengths_; }
  unsigned hosts() const { return hosts_; }

 private:
  using error_code = boost::system::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(beast::verb, string_view method, string_view target, int version,
                       error_code&) override {
    if constexpr (kRequest) {
      head_.method = view(method);
      head_.target = view(target);
    }
    head_.http_1_0 = version == 10;
  }
  void on_response_impl(int status, string_view, int version, error_code&) override {
    if constexpr (!kRequest) head_.status = status;
    head_.http_1_0 = version == 10;
  }
  void on_field_impl(beast::field field, string_view name, string_view value, error_code&) override {
    lengths_.see(field, view(value));
    if (field == beast::field::host) hosts_++;
    if (field == beast::field::connection)
      closes_ |= Headers{{"c", std::string(value)}}.has_token("c", "close");
    head_.headers.add(std::string(name), std::string(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  Head& head_;
  Lengths lengths_;
  unsigned hosts_ = 0;
  bool closes_ = false;
};

}  // namespace

size_t HeadScanner::scan(std::string_view bytes) {
  while (at_ < bytes.size()) {
    const void* found =
        ::memchr(bytes.data() + at_, '\n', std::min(bytes.size(), limit_) - std::min(at_, limit_));
    if (!found) break;
    size_t end = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (end == line_ || bytes[end - 1] != '\r') throw refused("a line that does not end in CR LF");
    std::string_view line = bytes.substr(line_, end - 1 - line_);
    if (line.empty() && line_ > 0) return end + 1;
    if (line_ > 0 && (line.front() == ' ' || line.front() == '\t')) throw refused("a folded header line");
    if (::memchr(line.data(), '\r', line.size())) throw refused("a bare CR");
    line_ = at_ = end + 1;
  }
  at_ = std::max(at_, bytes.size());
  if (bytes.size() >= limit_)
    throw Error(ErrorCode::too_large,
                "reading the HTTP head: it is longer than " + std::to_string(limit_) + " bytes",
                "REQUEST_HEADERS_TOO_LARGE");
  return 0;
}

RequestHead parse_request_head(std::string_view text) {
  RequestHead head;
  Parser<true, RequestHead> parser(head);
  parser.run(text);
  if (parser.hosts() > 1) throw refused("more than one Host");
  if (parser.hosts() == 0 && !head.http_1_0) throw refused("no Host");
  head.body = parser.lengths().framing(BodyFraming::Kind::none);
  if (!head.http_1_0)
    head.expects_continue =
        head.body.kind != BodyFraming::Kind::none && head.headers.has_token("Expect", "100-continue");
  return head;
}

ResponseHead parse_response_head(std::string_view text, std::string_view to_method) {
  ResponseHead head;
  Parser<false, ResponseHead> parser(head);
  constexpr size_t kStatusLine = std::string_view("HTTP/1.1 200").size();
  if (text.find('\r') == kStatusLine)  // neither reason nor the space before it, as many servers write it
    parser.run(std::string(text).insert(kStatusLine, " "));
  else
    parser.run(text);
  bool bodyless = head.status < 200 || head.status == 204 || head.status == 304 || to_method == "HEAD";
  head.body = bodyless ? BodyFraming{} : parser.lengths().framing(BodyFraming::Kind::until_close);
  if (head.body.kind == BodyFraming::Kind::until_close) head.keep_alive = false;
  return head;
}

}  // namespace osb::http
