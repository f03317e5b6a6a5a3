// All sandboxes of this server, in memory and in the journal, always changed together: the journal first.
// Reading never touches the journal or the runtime.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/list_query.h"
#include "server/record.h"
#include "store/sandboxes.h"

namespace osb::server {

class Catalogue {
 public:
  explicit Catalogue(store::SandboxStore& store) : store_(store) {}

  // nullptr if there is none.
  RecordPtr find(std::string_view id) const;
  // Throws Error(not_found, DOCKER::SANDBOX_NOT_FOUND).
  RecordPtr require(std::string_view id) const;

  // Journals a new record and shows it.
  void insert(RecordPtr record);
  // Shows a record that the journal already has.
  void restore(RecordPtr record);
  // Journals `next`, then makes it the record's row. On an error both stay as they were.
  void commit(Record& record, store::SandboxRow next);
  // Takes it out of both.
  void remove(Record& record);

  // Body of GET /sandboxes: newest first.
  std::string list(const ListQuery& query) const;
  size_t size() const { return by_id_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  void show(RecordPtr record);

  store::SandboxStore& store_;
  std::unordered_map<std::string, RecordPtr, Hash, std::equal_to<>> by_id_;
  std::vector<Record*> by_age_;  // oldest first
};

}  // namespace osb::server
