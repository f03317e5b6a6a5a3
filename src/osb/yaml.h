// JSON values as text for people: indented JSON, and YAML in block style. Both are stable: keys in the order
// of the value, two spaces, a line end at the end.
#pragma once

#include <string>

#include "base/json.h"

namespace osb::cli {

std::string pretty_json(const json::Value& value);
// Strings that a YAML reader could take for something else are written in JSON's quotes, which YAML shares.
std::string yaml(const json::Value& value);

}  // namespace osb::cli
