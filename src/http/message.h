// HTTP messages as plain values. No I/O here, no Beast.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/stream.h"

namespace osb::http {

// Ordered, repeated names allowed, lookup without regard to case.
class Headers {
 public:
  using Entry = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Entry> entries) : entries_(entries) {}

  // First value of that name; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }
  // Replaces every entry of that name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  // True if the comma-separated list in any entry of `name` holds `token` (no regard to case).
  bool has_token(std::string_view name, std::string_view token) const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

// Query parameters, decoded (`+` and %20 are spaces), in order, repeats kept.
class Query {
 public:
  Query() = default;
  explicit Query(std::string_view raw);
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// %XX decoding; nullopt for a bad escape or a decoded NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text, std::string_view also_keep = "");

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

std::string_view reason_phrase(int status);

}  // namespace osb::http
