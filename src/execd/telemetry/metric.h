// Metrics as values, the form that both ways out (Prometheus text, OTLP) are written from.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace osb::execd {

using AttributeValue = std::variant<std::string, int64_t>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

// Durations in milliseconds.
struct Histogram {
  static constexpr std::array<double, 14> kBounds = {1,   2.5, 5,    10,   25,   50,    100,
                                                     250, 500, 1000, 2500, 5000, 10000, 60000};
  std::array<uint64_t, kBounds.size() + 1> counts{};  // the last one: above all bounds
  uint64_t count = 0;
  double sum = 0;

  void add(double value);
};

enum class MetricKind { gauge, counter, histogram };

struct MetricPoint {
  Attributes attributes;
  std::variant<double, int64_t, Histogram> value;
};

struct Metric {
  std::string name;         // "execd.system.cpu.usage"
  std::string unit;         // UCUM: "ms", "By", "%", or empty
  std::string description;  // one line
  MetricKind kind = MetricKind::gauge;
  std::vector<MetricPoint> points;
};

}  // namespace osb::execd
