// Metadata of a sandbox follows the rules of Kubernetes labels, so that every runtime can carry it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace osb::api {

using Labels = std::map<std::string, std::string>;

constexpr std::string_view kReservedLabelPrefix = "opensandbox.io/";
constexpr size_t kMostLabels = 1024;

bool is_label_key(std::string_view key);  // [prefix/]name
bool is_label_value(std::string_view value);

// Throws Error(invalid, SANDBOX::INVALID_METADATA_LABEL) that names the first bad entry.
void check_labels(const Labels& labels);

// A merge patch: a value sets the label, nullopt removes it.
using LabelPatch = std::vector<std::pair<std::string, std::optional<std::string>>>;

// Throws ValidationError.
LabelPatch parse_label_patch(std::string_view body);
// Throws Error(invalid) and leaves `labels` as they were. A reserved key has the wire code
// INVALID_METADATA_LABEL (without the prefix that check_labels gives it; clients know both).
void apply_label_patch(Labels& labels, const LabelPatch& patch);

}  // namespace osb::api
