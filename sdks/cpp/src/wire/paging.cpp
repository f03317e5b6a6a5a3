#include "wire/paging.h"

namespace opensandbox::detail {
namespace {

std::optional<std::string> given(const std::optional<int>& number) {
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

}  // namespace

void add_page(QueryPairs& pairs, const std::optional<int>& page, const std::optional<int>& page_size) {
  if ((page && *page < 1) || (page_size && *page_size < 1))
    throw Error(ErrorCode::invalid_argument, "list: page and page_size begin at 1");
  pairs.emplace_back("page", given(page));
  pairs.emplace_back("pageSize", given(page_size));
}

Page read_page(const Object& pagination) {
  Page page;
  page.number = static_cast<int>(int_of(pagination, "page"));
  page.size = static_cast<int>(int_of(pagination, "pageSize"));
  page.items = int_of(pagination, "totalItems");
  page.pages = int_of(pagination, "totalPages");
  page.has_next = bool_of(pagination, "hasNextPage");
  return page;
}

}  // namespace opensandbox::detail
