// The call of a scenario, and what carries calls out.
#pragma once

#include <opensandbox/opensandbox.h>

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"

namespace opensandbox::conformance {

using osb::json::Array;
using osb::json::Object;
using osb::json::Value;

// The members of a call. Whoever carries it out asks for all of them, then calls check_all_read(), and only
// then uses the client: a member that is not known must not be passed over.
class Call {
 public:
  explicit Call(Object members) : members_(std::move(members)) {}

  const Value* find(std::string_view name) {
    asked_.insert(std::string(name));
    const Value* value = members_.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
  }
  bool has(std::string_view name) { return members_.contains(name); }

  template <class T>
  std::optional<T> maybe(std::string_view name) {
    const Value* value = find(name);
    return value ? std::optional(osb::json::read<T>(*value, std::string(name))) : std::nullopt;
  }
  template <class T>
  T get(std::string_view name, T otherwise) {
    return maybe<T>(name).value_or(std::move(otherwise));
  }
  std::string text(std::string_view name) {
    auto found = maybe<std::string>(name);
    if (!found) throw std::runtime_error("the call has no " + std::string(name));
    return *found;
  }
  std::vector<std::string> texts(std::string_view name) { return get<std::vector<std::string>>(name, {}); }
  StringMap map(std::string_view name) { return get<StringMap>(name, {}); }

  void check_all_read() const {
    for (const auto& member : members_)
      if (!asked_.contains(std::string(member.key())))
        throw std::runtime_error("nobody reads the member " + std::string(member.key()));
  }

 private:
  Object members_;
  std::set<std::string> asked_;
};

using WithConfig = Value (*)(const ConnectionConfig&, Call&);
using WithSandbox = Value (*)(Sandbox&, Call&);

extern const std::map<std::string, WithConfig> kTemplateCalls;
extern const std::map<std::string, WithSandbox> kIsolatedCalls;

inline const Value kDone = Object{{"done", true}};

}  // namespace opensandbox::conformance
