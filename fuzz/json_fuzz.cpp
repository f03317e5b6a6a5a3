// JSON: what parses is written as JSON that parses to the same; strings hold whatever bytes they are given.
// Doubles may differ in their last digits: Boost.JSON 1.81 does not round exactly.
#include <cmath>
#include <cstdlib>

#include "base/json.h"
#include "base/json_text.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}

using osb::json::Value;

bool same(const Value& a, const Value& b) {
  if (a.is_double() && !std::isfinite(a.get_double())) return b.is_null();
  if (a.is_number() && b.is_number()) {
    double x = a.to_number<double>();
    double y = b.to_number<double>();
    return a.is_double() ? std::fabs(x - y) <= std::fabs(x) * 1e-14 : a == b;
  }
  if (a.is_array() && b.is_array()) {
    const auto& x = a.get_array();
    const auto& y = b.get_array();
    if (x.size() != y.size()) return false;
    for (size_t i = 0; i < x.size(); i++)
      if (!same(x[i], y[i])) return false;
    return true;
  }
  if (a.is_object() && b.is_object()) {
    const auto& y = b.get_object();
    if (a.get_object().size() != y.size()) return false;
    for (const auto& [key, item] : a.get_object())
      if (!y.contains(key) || !same(item, y.at(key))) return false;
    return true;
  }
  return a == b;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace osb;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  json::Value value;
  if (auto error = json::try_parse(text, value)) {
    require(error->offset <= text.size() && !error->what.empty());
  } else {
    require(same(value, json::parse(json::serialize(value))));
  }
  require(json::parse(json_string(text)).is_string());
  return 0;
}
