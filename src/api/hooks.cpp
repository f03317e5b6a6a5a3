#include "api/hooks.h"

#include <fmt/core.h>

#include <set>

namespace osb::api {

namespace {

void check_hook(const json::Value& value, const Location& loc, Problems& problems) {
  Fields fields(value, loc, problems);
  if (const json::Value* command = fields.require("command"))
    check_texts(*command, fields.at("command"), problems, 1);
  fields.integer("timeoutSeconds", {.least = 1, .most = 10800});
  fields.forbid_others({"command", "timeoutSeconds"});
}

void check_periodic_hook(const json::Value& value, const Location& loc, Problems& problems) {
  Fields fields(value, loc, problems);
  fields.required_text("name", {.shortest = 1});
  fields.required_text("schedule", {.shortest = 1});
  if (const json::Value* command = fields.require("command"))
    check_texts(*command, fields.at("command"), problems, 1);
  fields.integer("timeoutSeconds", {.least = 1, .most = 300});
  fields.forbid_others({"name", "schedule", "command", "timeoutSeconds"});
}

bool names_are_unique(const json::Array& hooks) {
  std::set<std::string> seen;
  for (const json::Value& hook : hooks) {
    const json::Value* name = hook.is_object() ? hook.get_object().if_contains("name") : nullptr;
    if (name && name->is_string() && !seen.insert(std::string(name->get_string())).second) return false;
  }
  return true;
}

}  // namespace

std::string read_hooks(const json::Value& value, const Location& loc, Problems& problems) {
  Problems inner;
  Fields fields(value, loc, inner);
  const json::Value* start = fields.find("preStart");
  if (start) check_hook(*start, fields.at("preStart"), inner);
  const json::Value* periodic = fields.find("periodic");
  size_t count = 0;
  if (periodic && periodic->is_array()) {
    for (const json::Value& hook : periodic->get_array())
      check_periodic_hook(hook, fields.at("periodic") + Step(static_cast<int64_t>(count++)), inner);
    if (inner.empty() && !names_are_unique(periodic->get_array()))
      inner.add(rule_problem(loc, "the names of periodic hooks must differ", value));
  } else if (periodic) {
    inner.add({"list_type", fields.at("periodic"), "expected a list", *periodic, std::nullopt});
  }
  fields.forbid_others({"preStart", "periodic"});
  problems.take(std::move(inner));
  return start || count > 0 ? json::serialize(value) : std::string();
}

void check_network_policy(const json::Value& value, const Location& loc, Problems& problems) {
  Fields fields(value, loc, problems);
  fields.text("defaultAction");
  const json::Value* egress = fields.find("egress");
  if (!egress) return;
  if (!egress->is_array()) {
    problems.add({"list_type", fields.at("egress"), "expected a list", *egress, std::nullopt});
    return;
  }
  int64_t i = 0;
  for (const json::Value& item : egress->get_array()) {
    Fields rule(item, fields.at("egress") + Step(i++), problems);
    rule.required_text("action");
    rule.required_text("target", {.shortest = 1});
  }
}

}  // namespace osb::api
