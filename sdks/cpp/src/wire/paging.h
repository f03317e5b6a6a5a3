// Lists that come page by page. No I/O.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <optional>
#include <string>

#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox::detail {

// Throws Error(invalid_argument) for pages before the first.
void add_page(QueryPairs& pairs, const std::optional<int>& page, const std::optional<int>& page_size);
Page read_page(const Object& pagination);

// `read` makes an item of an object; an item that is none is given to it as an empty one. Throws
// Error(protocol) for what is no page.
template <class PageOf, class Read>
PageOf read_items(const Reply& reply, const std::string& doing, Read read) {
  Object object = read_object(reply, doing);
  const Array* items = find_array(object, "items");
  const Object* pagination = find_object(object, "pagination");
  if (!items || !pagination) throw_unexpected(reply, doing, "the answer has no items or no pagination");
  PageOf page;
  page.page = read_page(*pagination);
  for (const Value& item : *items)
    page.items.push_back(read(item.is_object() ? item.get_object() : Object()));
  return page;
}

}  // namespace opensandbox::detail
