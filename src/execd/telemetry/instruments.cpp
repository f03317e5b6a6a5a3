#include "execd/telemetry/instruments.h"

#include <algorithm>
#include <iterator>

namespace osb::execd {
namespace {

struct FileRoute {
  std::string_view method, route, operation;
};
constexpr FileRoute kFileRoutes[] = {
    {"GET", "/files/info", "info"},          {"DELETE", "/files", "delete"},
    {"POST", "/files/permissions", "chmod"}, {"POST", "/files/mv", "rename"},
    {"POST", "/directories", "mkdir"},       {"DELETE", "/directories", "rmdir"},
    {"GET", "/directories/list", "listdir"}, {"GET", "/files/search", "search"},
    {"POST", "/files/replace", "replace"},   {"GET", "/files/download", "download"},
    {"POST", "/files/upload", "upload"},
};

// A method is any word that a client likes.
std::string known_method(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  bool known = std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
  return known ? std::string(method) : "_OTHER";
}

// "/command/{}/logs" → "/command/:id/logs". What goes through the proxy has no route of ours.
std::string route_name(std::string_view route) {
  if (route.empty() || route.starts_with("/proxy/")) return "unknown";
  std::string out;
  for (size_t at = 0; at < route.size();) {
    size_t brace = std::min(route.find('{', at), route.size());
    out.append(route.substr(at, brace - at));
    if (brace < route.size()) out.append(":id");
    at = std::min(route.find('}', brace), route.size() - 1) + 1;
    if (brace == route.size()) break;
  }
  return out;
}

std::string result(bool success) { return success ? "success" : "failure"; }

template <class Series>
Metric histogram(std::string name, std::string description, const Series& series) {
  Metric out{std::move(name), "ms", std::move(description), MetricKind::histogram, {}};
  for (const auto& [attributes, value] : series) out.points.push_back({attributes, value});
  return out;
}

}  // namespace

void Histogram::add(double value) {
  size_t bucket =
      static_cast<size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), value) - kBounds.begin());
  counts[bucket]++;
  count++;
  sum += value;
}

std::string_view file_operation(std::string_view method, std::string_view route) {
  // The same call under the identity of an account.
  constexpr std::string_view kIdentity = "/v1/filesystem/{}/{}";
  if (route.starts_with(kIdentity)) route.remove_prefix(kIdentity.size());
  for (const FileRoute& known : kFileRoutes)
    if (known.method == method && known.route == route) return known.operation;
  return {};
}

void Instruments::add(Series& series, Attributes attributes, Duration took) {
  auto found = series.find(attributes);
  if (found == series.end() && series.size() >= kMaxSeries) attributes = {{"overflow", std::string("true")}};
  series[std::move(attributes)].add(static_cast<double>(took.count()) / 1000);
}

void Instruments::http_request(std::string_view method, std::string_view route, int status, Duration took) {
  add(requests_,
      {{"http_method", known_method(method)},
       {"http_route", route_name(route)},
       {"http_status_code", int64_t{status}}},
      took);
  std::string_view operation = file_operation(method, route);
  if (!operation.empty())
    add(files_, {{"operation", std::string(operation)}, {"result", result(status < 400)}}, took);
}

void Instruments::execution(std::string_view operation, bool success, Duration took) {
  add(executions_, {{"operation", std::string(operation)}, {"result", result(success)}}, took);
}

std::vector<Metric> Instruments::metrics() const {
  return {histogram("execd.http.request.duration",
                    "Time from the head of a request to the end of its answer.", requests_),
          histogram("execd.execution.duration", "Time that commands and code ran.", executions_),
          histogram("execd.filesystem.operations.duration", "Time that calls of the file API took.", files_)};
}

}  // namespace osb::execd
