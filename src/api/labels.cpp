#include "api/labels.h"

#include <fmt/core.h>

#include "api/validation.h"

namespace osb::api {

namespace {

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  for (char c : text)
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') return false;
  return true;
}

bool is_dns_label(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) return false;
  for (char c : text)
    if (!is_lower(c) && c != '-') return false;
  return true;
}

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  while (true) {
    size_t dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::invalid, std::move(message), "SANDBOX::INVALID_METADATA_LABEL");
}

void check_entry(std::string_view key, std::string_view value) {
  if (!is_label_key(key))
    refuse(fmt::format(
        "metadata key '{}' is not a label key: at most 63 letters, digits, '-', '_' and '.', beginning and "
        "ending with a letter or digit, optionally after a DNS name and '/'",
        key));
  if (!is_label_value(value))
    refuse(fmt::format(
        "the metadata value of '{}' is not a label value: empty, or at most 63 letters, digits, '-', '_' "
        "and '.', beginning and ending with a letter or digit",
        key));
}

void check_count(size_t count) {
  if (count > kMostLabels) refuse(fmt::format("a sandbox carries at most {} metadata entries", kMostLabels));
}

}  // namespace

bool is_label_key(std::string_view key) {
  size_t slash = key.find('/');
  if (slash == std::string_view::npos) return is_name(key);
  return is_dns_subdomain(key.substr(0, slash)) && is_name(key.substr(slash + 1));
}

bool is_label_value(std::string_view value) { return value.empty() || is_name(value); }

void check_labels(const Labels& labels) {
  for (const auto& [key, value] : labels) {
    if (key.starts_with(kReservedLabelPrefix))
      refuse(fmt::format("metadata key '{}' has the prefix '{}', which is reserved for the system", key,
                         kReservedLabelPrefix));
    check_entry(key, value);
  }
  check_count(labels.size());
}

LabelPatch parse_label_patch(std::string_view body) {
  json::Value value = parse_body(body);
  Problems problems;
  LabelPatch patch;
  if (!value.is_object()) {
    problems.add({"dict_type", {"body"}, "expected an object", value, std::nullopt});
    problems.throw_if_any();
  }
  for (const auto& [key, item] : value.get_object()) {
    if (item.is_null()) {
      patch.emplace_back(key, std::nullopt);
    } else if (auto text = check_text(item, {"body", std::string(key)}, problems)) {
      patch.emplace_back(key, std::move(text));
    }
  }
  problems.throw_if_any();
  return patch;
}

void apply_label_patch(Labels& labels, const LabelPatch& patch) {
  for (const auto& [key, value] : patch)
    if (key.starts_with(kReservedLabelPrefix))
      throw Error(ErrorCode::invalid,
                  fmt::format("metadata key '{}' has the reserved prefix '{}'", key, kReservedLabelPrefix),
                  "INVALID_METADATA_LABEL");
  Labels patched = labels;
  for (const auto& [key, value] : patch) {
    if (!value) {
      patched.erase(key);
      continue;
    }
    check_entry(key, *value);
    patched[key] = *value;
  }
  check_count(patched.size());
  labels = std::move(patched);
}

}  // namespace osb::api
