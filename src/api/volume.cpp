#include "api/volume.h"

#include <algorithm>

namespace osb::api {

namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

constexpr std::string_view kNamePattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

bool is_absolute(std::string_view path) { return path.starts_with('/'); }

bool is_host_path(std::string_view path) {
  if (is_absolute(path)) return true;
  char drive = path.empty() ? ' ' : static_cast<char>(path[0] | 0x20);
  return path.size() >= 3 && drive >= 'a' && drive <= 'z' && path[1] == ':' &&
         (path[2] == '\\' || path[2] == '/');
}

// ^\d+(\.\d+)?(Ki|Mi|Gi|Ti|Pi|Ei)?$
bool is_storage_size(std::string_view text) {
  auto take_digits = [&] {
    size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end > 0;
  };
  if (!take_digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  if (text.empty()) return true;
  return text.size() == 2 && text[1] == 'i' &&
         std::string_view("KMGTPE").find(text[0]) != std::string_view::npos;
}

bool is_oss_version(std::string_view text) { return text == "1.0" || text == "2.0"; }

void check_host(const json::Value& value, const Location& loc, Problems& problems) {
  Fields(value, loc, problems)
      .required_text("path", {.matches = is_host_path, .pattern = "^(/|[A-Za-z]:[\\\\/])"});
}

void check_claim(const json::Value& value, const Location& loc, Problems& problems) {
  Fields fields(value, loc, problems);
  fields.required_text("claimName", {.longest = 253, .matches = is_volume_name, .pattern = kNamePattern});
  fields.flag("createIfNotExists", true);
  fields.flag("deleteOnSandboxTermination", false);
  fields.text("storageClass");
  fields.text("storage", {.matches = is_storage_size, .pattern = "^\\d+(\\.\\d+)?(Ki|Mi|Gi|Ti|Pi|Ei)?$"});
  fields.texts("accessModes");
}

void check_bucket(const json::Value& value, const Location& loc, Problems& problems) {
  Fields fields(value, loc, problems);
  fields.required_text("bucket", {.shortest = 3, .longest = 63});
  fields.required_text("endpoint", {.shortest = 1});
  auto version = fields.text("version");
  if (version && !is_oss_version(*version))
    problems.add({"literal_error", fields.at("version"), "expected '1.0' or '2.0'", json::write(*version),
                  json::Object{{"expected", "'1.0' or '2.0'"}}});
  fields.texts("options");
  fields.text("accessKeyId", {.shortest = 1});
  fields.text("accessKeySecret", {.shortest = 1});
}

}  // namespace

bool is_volume_name(std::string_view name) {
  if (name.empty() || !is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back())) return false;
  for (char c : name)
    if (!is_lower_or_digit(c) && c != '-') return false;
  return true;
}

void check_volume(const json::Value& value, const Location& loc, Problems& problems) {
  Problems inner;
  Fields checked(value, loc, inner);
  checked.required_text("name", {.longest = 63, .matches = is_volume_name, .pattern = kNamePattern});
  int backends = 0;
  auto backend = [&](std::string_view name, void (*check)(const json::Value&, const Location&, Problems&)) {
    const json::Value* found = checked.find(name);
    if (!found) return;
    backends++;
    check(*found, checked.at(name), inner);
  };
  backend("host", check_host);
  backend("pvc", check_claim);
  backend("ossfs", check_bucket);
  checked.required_text("mountPath", {.matches = is_absolute, .pattern = "^/.*"});
  checked.flag("readOnly", false);
  checked.text("subPath");
  // The rule over several members is looked at only when every member is right by itself.
  if (inner.empty() && backends != 1)
    inner.add(rule_problem(loc,
                           backends == 0
                               ? "exactly one of host, pvc and ossfs must be given, and none is"
                               : "exactly one of host, pvc and ossfs must be given, and several are",
                           value));
  problems.take(std::move(inner));
}

}  // namespace osb::api
