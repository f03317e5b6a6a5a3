#include <fmt/core.h>

#include "base/ids.h"
#include "base/json_text.h"
#include "http/connection.h"
#include "http/status.h"

namespace osb::http {

namespace {
constexpr size_t kIdBytes = 16;
constexpr size_t kIdsAtOnce = 128;
}  // namespace

ServerCore::ServerCore(net::asio::any_io_executor e, Handler h, ServerOptions o)
    : executor(e), handler(std::move(h)), options(std::move(o)), ended(e) {}

std::string_view ServerCore::date() {
  std::time_t now = std::time(nullptr);
  if (now != date_at_) {
    std::tm parts;
    ::gmtime_r(&now, &parts);
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    date_ =
        fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                    kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    date_at_ = now;
  }
  return date_;
}

std::string ServerCore::new_request_id() {
  if (random_.size() < kIdBytes) {
    random_.resize(kIdBytes * kIdsAtOnce);
    fill_random({reinterpret_cast<unsigned char*>(random_.data()), random_.size()});
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  id.reserve(kIdBytes * 2);
  for (size_t i = random_.size() - kIdBytes; i < random_.size(); i++) {
    auto byte = static_cast<unsigned char>(random_[i]);
    id += kHex[byte >> 4];
    id += kHex[byte & 15];
  }
  random_.resize(random_.size() - kIdBytes);
  return id;
}

Response ServerCore::format_error(const Error& error, const Request* request) const {
  Response response = options.format_error ? options.format_error(error, request) : error_response(error);
  if ((response.status == 429 || response.status == 503) && !response.headers.has("Retry-After"))
    response.headers.add("Retry-After", "1");
  return response;
}

Response error_response(const Error& error) {
  Response response{.status = status_of(error), .headers = {{"Content-Type", "application/json"}}};
  response.body = R"({"code":)";
  append_json_string(response.body, error.wire().empty() ? default_wire_code(error.code()) : error.wire());
  response.body += R"(,"message":)";
  append_json_string(response.body, error.message());
  response.body += '}';
  return response;
}

}  // namespace osb::http
