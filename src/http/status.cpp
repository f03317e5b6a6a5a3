#include "http/status.h"

#include <algorithm>
#include <iterator>

namespace osb::http {

namespace {

struct CodeRow {
  ErrorCode code;
  int status;
  std::string_view wire;
};
constexpr CodeRow kCodes[] = {
    {ErrorCode::invalid, 400, "INVALID_REQUEST_BODY"},
    {ErrorCode::unauthorized, 401, "UNAUTHORIZED"},
    {ErrorCode::not_found, 404, "NOT_FOUND"},
    {ErrorCode::conflict, 409, "CONFLICT"},
    {ErrorCode::exhausted, 429, "RESOURCE_EXHAUSTED"},
    {ErrorCode::too_large, 413, "PAYLOAD_TOO_LARGE"},
    {ErrorCode::unsupported, 501, "NOT_SUPPORTED"},
    {ErrorCode::unavailable, 503, "SERVICE_UNAVAILABLE"},
    {ErrorCode::timeout, 504, "TIMEOUT"},
    {ErrorCode::internal, 500, "RUNTIME_ERROR"},
};

// Wire codes with a status of their own.
struct WireRow {
  std::string_view wire;
  int status;
};
constexpr WireRow kWires[] = {
    {"BACKEND_CONNECTION_FAILED", 502}, {"BACKEND_RESPONSE_FAILED", 502}, {"BACKEND_TIMEOUT", 504},
    {"METHOD_NOT_ALLOWED", 405},        {"REQUEST_TIMEOUT", 408},         {"REQUEST_HEADERS_TOO_LARGE", 431},
    {"PERMISSION_DENIED", 403},         {"IMAGE::EXISTS", 412},           {"IMAGE::UNSUPPORTED_ARCHIVE", 415},
    {"IMAGE::STORE_FULL", 507},
};

const CodeRow& row_of(ErrorCode code) {
  auto found =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const CodeRow& r) { return r.code == code; });
  return found == std::end(kCodes) ? kCodes[std::size(kCodes) - 1] : *found;
}

}  // namespace

int status_of(const Error& error) {
  for (const WireRow& row : kWires)
    if (row.wire == error.wire()) return row.status;
  return row_of(error.code()).status;
}

std::string_view default_wire_code(ErrorCode code) { return row_of(code).wire; }

}  // namespace osb::http
