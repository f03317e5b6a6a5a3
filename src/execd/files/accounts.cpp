#include "execd/files/accounts.h"

#include <charconv>

#include "execd/small_file.h"

namespace osb::execd {

namespace {

constexpr size_t kMaxFile = 4 * 1024 * 1024;

// The id 2^32-1 means "unchanged" to chown and is nobody's.
std::optional<uint32_t> account_number(std::string_view text) {
  uint32_t value = 0;
  auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (err != std::errc() || end != text.data() + text.size() || value == UINT32_MAX) return std::nullopt;
  return value;
}

}  // namespace

// "name:password:id:…", the start both files share.
Accounts::Table Accounts::read(std::string_view text) {
  Table table;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    size_t name_end = line.find(':');
    if (name_end == 0 || name_end == std::string_view::npos || line[0] == '#') continue;
    size_t password_end = line.find(':', name_end + 1);
    if (password_end == std::string_view::npos) continue;
    std::string_view id = line.substr(password_end + 1);
    std::optional<uint32_t> value = account_number(id.substr(0, id.find(':')));
    if (!value) continue;
    std::string name(line.substr(0, name_end));
    table.names.emplace(*value, name);
    table.ids.emplace(std::move(name), *value);
  }
  return table;
}

Accounts::Accounts(std::string_view passwd, std::string_view group)
    : users_(read(passwd)), groups_(read(group)) {}

Accounts Accounts::load(const std::string& passwd, const std::string& group) {
  return Accounts(read_small_file(passwd, kMaxFile).value_or(""),
                  read_small_file(group, kMaxFile).value_or(""));
}

std::optional<uid_t> Accounts::uid_of(std::string_view owner) const {
  auto found = users_.ids.find(owner);
  return found != users_.ids.end() ? found->second : account_number(owner);
}

std::optional<gid_t> Accounts::gid_of(std::string_view group) const {
  auto found = groups_.ids.find(group);
  return found != groups_.ids.end() ? found->second : account_number(group);
}

std::string Accounts::user_name(uid_t uid) const {
  auto found = users_.names.find(uid);
  return found != users_.names.end() ? found->second : std::to_string(uid);
}

std::string Accounts::group_name(gid_t gid) const {
  auto found = groups_.names.find(gid);
  return found != groups_.names.end() ? found->second : std::to_string(gid);
}

}  // namespace osb::execd
