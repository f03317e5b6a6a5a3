// Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto and its imports.
#include "execd/telemetry/otlp_message.h"

#include <string.h>

#include <string_view>

namespace osb::execd {
namespace {

constexpr int64_t kCumulative = 2;

// Appends fields of one message.
class Message {
 public:
  void varint(int field, uint64_t value) {
    key(field, 0);
    raw_varint(value);
  }
  void fixed64(int field, uint64_t value) {
    key(field, 1);
    append_fixed64(value);
  }
  void number(int field, double value) {
    uint64_t bits;
    ::memcpy(&bits, &value, sizeof bits);
    fixed64(field, bits);
  }
  void text(int field, std::string_view value) {
    key(field, 2);
    raw_varint(value.size());
    bytes_.append(value);
  }
  void message(int field, const Message& value) { text(field, value.bytes_); }
  template <class Range, class Encode>
  void packed(int field, const Range& values, Encode encode) {
    key(field, 2);
    raw_varint(std::size(values) * 8);
    for (auto value : values) append_fixed64(encode(value));
  }
  std::string take() { return std::move(bytes_); }

 private:
  void key(int field, int type) { raw_varint(static_cast<uint64_t>(field << 3 | type)); }
  void raw_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void append_fixed64(uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift);
  }

  std::string bytes_;
};

Message key_value(const std::string& name, const AttributeValue& value) {
  Message any, out;
  if (auto* text = std::get_if<std::string>(&value))
    any.text(1, *text);
  else
    any.varint(3, static_cast<uint64_t>(std::get<int64_t>(value)));
  out.text(1, name);
  out.message(2, any);
  return out;
}

void attributes(Message& out, int field, const Attributes& list) {
  for (const auto& [name, value] : list) out.message(field, key_value(name, value));
}

uint64_t bits_of(double value) {
  uint64_t bits;
  ::memcpy(&bits, &value, sizeof bits);
  return bits;
}

Message number_point(const MetricPoint& point, const OtlpFrame& frame) {
  Message out;
  attributes(out, 7, frame.common);
  attributes(out, 7, point.attributes);
  out.fixed64(2, frame.start_ns);
  out.fixed64(3, frame.now_ns);
  if (auto* whole = std::get_if<int64_t>(&point.value))
    out.fixed64(6, static_cast<uint64_t>(*whole));
  else
    out.number(4, std::get<double>(point.value));
  return out;
}

Message histogram_point(const MetricPoint& point, const OtlpFrame& frame) {
  const auto& histogram = std::get<Histogram>(point.value);
  Message out;
  attributes(out, 9, frame.common);
  attributes(out, 9, point.attributes);
  out.fixed64(2, frame.start_ns);
  out.fixed64(3, frame.now_ns);
  out.fixed64(4, histogram.count);
  out.number(5, histogram.sum);
  out.packed(6, histogram.counts, [](uint64_t count) { return count; });
  out.packed(7, Histogram::kBounds, bits_of);
  return out;
}

Message data_of(const Metric& metric, const OtlpFrame& frame) {
  Message out;
  for (const MetricPoint& point : metric.points)
    out.message(
        1, metric.kind == MetricKind::histogram ? histogram_point(point, frame) : number_point(point, frame));
  if (metric.kind != MetricKind::gauge) out.varint(2, kCumulative);
  if (metric.kind == MetricKind::counter) out.varint(3, 1);  // monotonic
  return out;
}

Message metric_message(const Metric& metric, const OtlpFrame& frame) {
  Message out;
  out.text(1, metric.name);
  out.text(2, metric.description);
  out.text(3, metric.unit);
  int field = metric.kind == MetricKind::gauge ? 5 : metric.kind == MetricKind::counter ? 7 : 9;
  out.message(field, data_of(metric, frame));
  return out;
}

}  // namespace

std::string otlp_metrics(const OtlpFrame& frame, const std::vector<Metric>& metrics) {
  Message scope, scoped, resource, resource_metrics, request;
  scope.text(1, frame.scope);
  scope.text(2, frame.scope_version);
  scoped.message(1, scope);
  for (const Metric& metric : metrics)
    if (!metric.points.empty()) scoped.message(2, metric_message(metric, frame));
  attributes(resource, 1, frame.resource);
  resource_metrics.message(1, resource);
  resource_metrics.message(2, scoped);
  request.message(1, resource_metrics);
  return request.take();
}

}  // namespace osb::execd
