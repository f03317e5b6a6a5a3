// JSON: what parses is written as JSON that parses to the same; strings hold whatever bytes they are given.
#include <cstdlib>

#include "base/json.h"
#include "base/json_text.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace osb;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  json::Value value;
  if (auto error = json::try_parse(text, value)) {
    require(error->offset <= text.size() && !error->what.empty());
  } else {
    std::string once = json::serialize(value);
    require(json::serialize(json::parse(once)) == once);
  }
  require(json::parse(json_string(text)).is_string());
  return 0;
}
