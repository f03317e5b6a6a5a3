#include <opensandbox/egress.h>

#include "calls/link.h"
#include "wire/answer_error.h"
#include "wire/lifecycle.h"

namespace opensandbox {

using namespace detail;

namespace {

// The sandbox's egress program, or the server itself for sandboxes made from templates.
Reply ask(Link& link, Call call, const std::stop_token& stop) {
  link.execd(stop);  // its answer tells where the sandbox is from
  if (!link.of_template()) {
    call.path = "/policy";
    return link.client->call(link.egress(stop), call, stop);
  }
  call.path = sandbox_path(link.id) + "/networkpolicy";
  return link.call_server(call, stop);
}

}  // namespace

NetworkPolicy Egress::policy(std::stop_token stop) const {
  Call call = json_call("GET", "", "get the egress policy");
  Reply reply = ask(*link_, call, stop);
  Object object = read_object(reply, call.doing);
  const Object* policy = find_object(object, "policy");
  if (!policy) throw_unexpected(reply, call.doing, "the answer has no policy");
  return read_policy(*policy);
}

void Egress::patch_rules(const std::vector<NetworkRule>& rules, std::stop_token stop) const {
  ask(*link_, json_call("PATCH", "", "change the egress policy", rules_to_json(rules)), stop);
}

void Egress::delete_rules(const std::vector<std::string>& targets, std::stop_token stop) const {
  ask(*link_, json_call("DELETE", "", "delete egress rules", to_json(targets)), stop);
}

}  // namespace opensandbox
