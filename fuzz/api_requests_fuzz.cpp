// Bodies and values of the lifecycle API: nothing may come out but a refusal, what is accepted keeps the
// promises of its header, and a refusal can be written as an answer.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/coercion.h"
#include "api/create_request.h"
#include "api/resources.h"
#include "api/shell_words.h"
#include "api/small_requests.h"
#include "api/validation.h"
#include "base/error.h"

namespace {

using namespace osb;

void require(bool condition) {
  if (!condition) std::abort();
}

template <class Parse>
void try_body(std::string_view body, Parse parse) {
  try {
    parse(body);
  } catch (const api::ValidationError& error) {
    require(!error.problems().empty() && error.problems().size() <= api::Problems::kMost);
    require(json::parse(json::serialize(error.body())).is_object());
  } catch (const Error& error) {
    require(error.code() == ErrorCode::invalid && !error.message().empty());
  }
}

void check_create(std::string_view body) {
  api::CreateRequest request = api::parse_create_request(body);
  require(!request.timeout_seconds || *request.timeout_seconds >= 60);
  api::parse_resources(request.resource_limits);
  api::check_labels(request.metadata);
  for (const auto& [key, value] : request.metadata) require(api::is_label_key(key));
}

void check_patch(std::string_view body) {
  api::Labels labels{{"a", "1"}};
  api::apply_label_patch(labels, api::parse_label_patch(body));
  for (const auto& [key, value] : labels) require(api::is_label_key(key) && api::is_label_value(value));
}

void check_time(std::string_view text) {
  if (auto time = parse_time(text)) {
    TimePoint kept = from_unix_us(unix_us(*time));
    auto again = parse_time(rfc3339_micros(kept));
    require(!again || *again == kept);  // an offset may lead out of the years that are read
  }
}

void check_quantities(std::string_view text) {
  if (auto cpu = api::parse_cpu(text)) require(*cpu > 0);
  if (auto memory = api::parse_memory(text)) require(*memory > 0);
  api::integer_of(text);
  api::flag_of(text);
  if (auto words = api::split_shell_words(text)) {
    size_t length = 0;
    for (const std::string& word : *words) length += word.size();
    require(length <= text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  try_body(text, check_create);
  try_body(text, check_patch);
  try_body(text, [](std::string_view body) { api::parse_renewal(body); });
  try_body(text, [](std::string_view body) { api::parse_snapshot_name(body); });
  try_body(text, [](std::string_view body) { api::parse_metrics_event(body); });
  check_time(text);
  check_quantities(text);
  return 0;
}
