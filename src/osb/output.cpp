#include "osb/output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "osb/problem.h"
#include "osb/text_width.h"
#include "osb/yaml.h"

namespace osb::cli {

namespace {

std::string heading_of(std::string_view key) {
  std::string out;
  for (char c : key) out += c == '_' ? ' ' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

const json::Value* look(const json::Value& row, std::string_view member) {
  const json::Value* at = &row;
  while (at && !member.empty()) {
    size_t dot = member.find('.');
    const json::Object* object = at->if_object();
    at = object ? object->if_contains(member.substr(0, dot)) : nullptr;
    member = dot == std::string_view::npos ? std::string_view() : member.substr(dot + 1);
  }
  return at;
}

std::string plain(const json::Value& value) {
  if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
  return json::serialize(value);
}

}  // namespace

Format read_format(std::string_view text) {
  return text == "json"   ? Format::json
         : text == "yaml" ? Format::yaml
         : text == "raw"  ? Format::raw
                          : Format::table;
}

std::string cell(const json::Value* value) {
  if (!value || value->is_null()) return "-";
  std::string out;
  if (const json::Array* items = value->if_array()) {
    for (const json::Value& item : *items)
      out += (out.empty() ? "" : " ") + (item.is_primitive() ? visible(plain(item)) : json::serialize(item));
  } else if (const json::Object* members = value->if_object()) {
    for (const auto& member : *members) {
      if (member.value().is_null()) continue;
      out += (out.empty() ? "" : ", ") + visible(std::string(member.key())) + "=" +
             visible(plain(member.value()));
    }
  } else {
    out = visible(plain(*value));
  }
  return out.empty() ? "-" : out;
}

bool Output::structured(const json::Value& value) const {
  if (format_ == Format::json) text(pretty_json(value));
  if (format_ == Format::yaml) text(yaml(value));
  return format_ == Format::json || format_ == Format::yaml;
}

void Output::record(const json::Object& object) const {
  if (structured(object)) return;
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& member : object) {
    const json::Value& value = member.value();
    bool empty = value.is_null() || (value.is_object() && value.get_object().empty());
    if (!empty) fields.emplace_back(heading_of({member.key().data(), member.key().size()}), cell(&value));
  }
  text(render_record(fields, style_));
}

void Output::rows(const json::Array& items, std::span<const Column> columns, std::string_view none) const {
  if (structured(items)) return;
  if (items.empty()) return text(std::string(none) + "\n");
  std::vector<std::string> headings;
  for (const Column& column : columns) headings.emplace_back(column.heading);
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& item : items) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const Column& column : columns) row.push_back(cell(look(item, column.member)));
  }
  text(render_table(headings, rows, style_));
}

void Output::done(const std::string& sentence) const { done(sentence, {}); }

void Output::done(const std::string& sentence, const json::Object& more) const {
  json::Object answer{{"status", "ok"}, {"message", sentence}};
  for (const auto& member : more) answer[member.key()] = member.value();
  if (!structured(answer)) text(sentence + "\n");
}

void Output::text(std::string_view bytes) const { write_all(STDOUT_FILENO, bytes); }

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {  // somebody else made the terminal non-blocking
      pollfd room{descriptor, POLLOUT, 0};
      ::poll(&room, 1, -1);
      continue;
    }
    if (count < 0 && errno == EPIPE) throw OutputGone();
    if (count < 0) throw Problem("OUTPUT", std::string("writing the output: ") + ::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace osb::cli
