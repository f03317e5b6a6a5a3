#include "execd/identity.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "execd/small_file.h"

namespace osb::execd {
namespace {

constexpr size_t kFileBytes = 4 * 1024 * 1024;
constexpr size_t kMaxGroups = 1024;

std::string_view next(std::string_view& rest, char separator) {
  size_t end = std::min(rest.find(separator), rest.size());
  std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// 2^32-1 means "unchanged" to the kernel and is nobody's.
std::optional<uint32_t> number(std::string_view text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == UINT32_MAX) return std::nullopt;
  return value;
}

bool lists(std::string_view members, std::string_view name) {
  while (!members.empty())
    if (next(members, ',') == name) return true;
  return false;
}

std::vector<uint32_t> groups_of(std::string_view name, std::string_view group) {
  std::vector<uint32_t> out;
  while (!group.empty() && out.size() < kMaxGroups) {
    std::string_view line = next(group, '\n');
    next(line, ':');  // group name
    next(line, ':');  // password
    std::optional<uint32_t> gid = number(next(line, ':'));
    if (gid && lists(line, name)) out.push_back(*gid);
  }
  return out;
}

}  // namespace

Identity identity_of(uint32_t uid, std::string_view passwd, std::string_view group) {
  while (!passwd.empty()) {
    std::string_view line = next(passwd, '\n');
    std::string_view name = next(line, ':');
    next(line, ':');  // password
    std::optional<uint32_t> line_uid = number(next(line, ':'));
    std::optional<uint32_t> gid = number(next(line, ':'));
    if (line_uid != uid || !gid || name.empty()) continue;
    next(line, ':');  // description
    return {*gid, groups_of(name, group), std::string(next(line, ':'))};
  }
  return {uid, {}, {}};
}

Identity identity_of(uint32_t uid, const std::string& root) {
  std::string passwd = read_small_file(root + "/etc/passwd", kFileBytes).value_or("");
  std::string group = read_small_file(root + "/etc/group", kFileBytes).value_or("");
  return identity_of(uid, std::string_view(passwd), std::string_view(group));
}

}  // namespace osb::execd
