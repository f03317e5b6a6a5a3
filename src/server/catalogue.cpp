#include "server/catalogue.h"

#include <algorithm>

namespace osb::server {

namespace {

bool older(const Record* a, const Record* b) {
  if (a->row.sandbox.created_at != b->row.sandbox.created_at)
    return a->row.sandbox.created_at < b->row.sandbox.created_at;
  return a->id() < b->id();
}

}  // namespace

const std::string& Record::json() {
  if (json_.empty()) json_ = api::sandbox_json(row.sandbox);
  return json_;
}

RecordPtr Catalogue::find(std::string_view id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

RecordPtr Catalogue::require(std::string_view id) const {
  RecordPtr record = find(id);
  if (!record)
    throw Error(ErrorCode::not_found, "sandbox " + std::string(id) + " not found",
                "DOCKER::SANDBOX_NOT_FOUND");
  return record;
}

void Catalogue::show(RecordPtr record) {
  by_age_.insert(std::upper_bound(by_age_.begin(), by_age_.end(), record.get(), older), record.get());
  std::string id = record->id();
  by_id_.emplace(std::move(id), std::move(record));
}

void Catalogue::insert(RecordPtr record) {
  store_.put(record->row);
  show(std::move(record));
}

void Catalogue::restore(RecordPtr record) { show(std::move(record)); }

void Catalogue::commit(Record& record, store::SandboxRow next) {
  next.sandbox.status.state = store::state_of(next.phase);
  store_.put(next);
  record.row = std::move(next);
  record.forget_json();
}

void Catalogue::remove(Record& record) {
  store_.remove(record.id());
  record.removed = true;
  auto [first, last] = std::equal_range(by_age_.begin(), by_age_.end(), &record, older);
  by_age_.erase(std::remove(first, last, &record), last);
  by_id_.erase(by_id_.find(record.id()));  // may free the record unless the caller shares it
}

std::string Catalogue::list(const ListQuery& query) const {
  api::Page page = query.page;
  std::string items;
  // Saturates: a page number near 2^63 must not wrap around to the first page.
  int64_t skip = page.page - 1 > INT64_MAX / page.page_size ? INT64_MAX : (page.page - 1) * page.page_size;
  int64_t taken = 0;
  auto take = [&](Record& record) {
    if (taken++) items += ',';
    items += record.json();
  };
  if (query.takes_all()) {
    page.total = static_cast<int64_t>(by_age_.size());
    for (int64_t i = skip; i < page.total && taken < page.page_size; i++)
      take(*by_age_[static_cast<size_t>(page.total - 1 - i)]);
  } else {
    for (auto record = by_age_.rbegin(); record != by_age_.rend(); ++record) {
      if (!query.matches((*record)->row.sandbox)) continue;
      if (page.total++ >= skip && taken < page.page_size) take(**record);
    }
  }
  return "{\"items\":[" + items + "],\"pagination\":" + api::pagination_json(page) + "}";
}

}  // namespace osb::server
