#include "execd/telemetry/prometheus_text.h"

#include <fmt/core.h>

#include <algorithm>

namespace osb::execd {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string label_name(std::string_view name) {
  std::string out;
  for (char c : name) out += is_letter_or_digit(c) ? c : '_';
  if (out.empty() || (out[0] >= '0' && out[0] <= '9')) out.insert(out.begin(), '_');
  return out;
}

std::string_view unit_suffix(std::string_view unit) {
  if (unit == "ms") return "_milliseconds";
  if (unit == "By") return "_bytes";
  if (unit == "%") return "_percent";
  return "";
}

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

// {a="1",b="2"}, with `last` as one more pair when it has a name; nothing for no labels.
std::string labels(const Attributes& own, const Attributes& common,
                   std::pair<const char*, std::string> last = {}) {
  std::string out;
  auto append = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out += label_name(name) + "=\"";
    append_escaped(out, value);
    out += '"';
  };
  for (const Attributes* list : {&common, &own})
    for (const auto& [name, value] : *list) {
      auto* text = std::get_if<std::string>(&value);
      append(name, text ? *text : std::to_string(std::get<int64_t>(value)));
    }
  if (last.first) append(last.first, last.second);
  return out.empty() ? out : out + "}";
}

std::string number(double value) { return fmt::format("{}", value); }

void append_histogram(std::string& out, const std::string& name, const Attributes& own,
                      const Attributes& common, const Histogram& histogram) {
  uint64_t so_far = 0;
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    so_far += histogram.counts[i];
    std::string bound = i < Histogram::kBounds.size() ? number(Histogram::kBounds[i]) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", name, labels(own, common, {"le", bound}), so_far);
  }
  out += fmt::format("{}_sum{} {}\n", name, labels(own, common), number(histogram.sum));
  out += fmt::format("{}_count{} {}\n", name, labels(own, common), histogram.count);
}

std::string_view type_name(MetricKind kind) {
  if (kind == MetricKind::histogram) return "histogram";
  return kind == MetricKind::counter ? "counter" : "gauge";
}

}  // namespace

std::string prometheus_name(const Metric& metric) {
  std::string out = label_name(metric.name);
  std::string_view suffix = unit_suffix(metric.unit);
  if (!suffix.empty() && !out.ends_with(suffix)) out += suffix;
  if (metric.kind == MetricKind::counter) out += "_total";
  return out;
}

std::string prometheus_text(const std::vector<Metric>& metrics, const Attributes& common) {
  std::string out;
  for (const Metric& metric : metrics) {
    std::string name = prometheus_name(metric);
    out +=
        fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, metric.description, name, type_name(metric.kind));
    for (const auto& [attributes, value] : metric.points) {
      if (auto* histogram = std::get_if<Histogram>(&value))
        append_histogram(out, name, attributes, common, *histogram);
      else if (auto* whole = std::get_if<int64_t>(&value))
        out += fmt::format("{}{} {}\n", name, labels(attributes, common), *whole);
      else
        out += fmt::format("{}{} {}\n", name, labels(attributes, common), number(std::get<double>(value)));
    }
  }
  return out;
}

}  // namespace osb::execd
