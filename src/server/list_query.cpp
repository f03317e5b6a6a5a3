#include "server/list_query.h"

#include <algorithm>
#include <map>

#include "api/validation.h"

namespace osb::server {

namespace {

std::string decoded(std::string_view text) {
  return http::percent_decode(text, true).value_or(std::string(text));
}

std::vector<std::pair<std::string, std::string>> parse_metadata(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    size_t end = std::min(text.find('&'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      throw Error(ErrorCode::invalid, "reading the metadata filter: expected key=value pairs joined by '&'",
                  "INVALID_METADATA_FORMAT");
    out.insert_or_assign(decoded(part.substr(0, equals)), decoded(part.substr(equals + 1)));
  }
  return {out.begin(), out.end()};
}

int64_t page_number(const http::Query& query, const char* name, int64_t otherwise, api::IntRule rule,
                    api::Problems& problems) {
  auto values = query.all(name);
  if (values.empty()) return otherwise;
  return api::check_integer(json::write(values.back()), {"query", name}, problems, rule).value_or(otherwise);
}

}  // namespace

bool ListQuery::matches(const api::Sandbox& sandbox) const {
  if (states && !states->contains(sandbox.status.state)) return false;
  for (const auto& [key, value] : metadata) {
    auto found = sandbox.metadata.find(key);
    if (found == sandbox.metadata.end() || found->second != value) return false;
  }
  return true;
}

api::Page parse_page(const http::Query& query) {
  api::Problems problems;
  api::Page page;
  page.page = page_number(query, "page", 1, {.least = 1}, problems);
  page.page_size = page_number(query, "pageSize", 20, {.least = 1, .most = 200}, problems);
  problems.throw_if_any();
  return page;
}

ListQuery parse_list_query(const http::Query& query) {
  ListQuery out;
  out.page = parse_page(query);
  if (auto names = query.all("state"); !names.empty()) {
    out.states.emplace();
    for (const std::string& name : names)
      if (auto state = api::parse_state(name)) out.states->insert(*state);
  }
  if (auto filters = query.all("metadata"); !filters.empty()) out.metadata = parse_metadata(filters.back());
  return out;
}

}  // namespace osb::server
