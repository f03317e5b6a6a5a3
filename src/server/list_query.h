// Filters and paging of GET /sandboxes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/sandbox.h"
#include "http/message.h"

namespace osb::server {

struct ListQuery {
  // Any of them; nullopt: every state. Empty when only names were asked for that no state has.
  std::optional<std::set<api::SandboxState>> states;
  std::vector<std::pair<std::string, std::string>> metadata;  // all of them
  api::Page page;

  bool takes_all() const { return !states && metadata.empty(); }
  bool matches(const api::Sandbox& sandbox) const;
};

// Throws ValidationError, and Error(invalid, INVALID_METADATA_FORMAT) for a metadata filter that is not
// k=v&k2=v2. Keys and values of the filter may be percent-encoded once more than the query value is: newer
// clients do that.
ListQuery parse_list_query(const http::Query& query);

// page and pageSize alone. Throws ValidationError.
api::Page parse_page(const http::Query& query);

}  // namespace osb::server
