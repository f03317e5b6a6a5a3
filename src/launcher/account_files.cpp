#include "launcher/account_files.h"

#include <charconv>
#include <functional>
#include <vector>

namespace osb::launcher {

namespace {

constexpr unsigned kFirstPerson = 1000;
constexpr unsigned kNobody = 65534;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_system_id(const std::string& text) {
  unsigned id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() && (id < kFirstPerson || id == kNobody);
}

// Lines with `count` fields whose third is a system id, after `change`.
std::string filter_lines(std::string_view text, size_t count,
                         const std::function<void(std::vector<std::string>&)>& change) {
  std::string out;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() != count || fields[0].empty() || !is_system_id(fields[2])) continue;
    change(fields);
    for (size_t i = 0; i < count; ++i) out += fields[i] + (i + 1 < count ? ":" : "\n");
  }
  return out;
}

bool has_line(const std::string& text, std::string_view start) {
  return text.starts_with(start) || text.find("\n" + std::string(start)) != text.npos;
}

}  // namespace

std::string sanitise_passwd(std::string_view text) {
  std::string out = filter_lines(text, 7, [](std::vector<std::string>& fields) {
    fields[1] = "x";
    fields[4].clear();
    if (fields[2] == "0") fields[5] = "/root";
  });
  if (!has_line(out, "root:")) out.insert(0, "root:x:0:0::/root:/bin/sh\n");
  if (!has_line(out, "nobody:")) out += "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
  return out;
}

std::string sanitise_group(std::string_view text) {
  std::string out = filter_lines(text, 4, [](std::vector<std::string>& fields) {
    fields[1] = "x";
    fields[3].clear();
  });
  if (!has_line(out, "root:")) out.insert(0, "root:x:0:\n");
  return out;
}

}  // namespace osb::launcher
