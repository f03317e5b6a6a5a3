// osb egress: what a sandbox may reach.
#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/sdk_problem.h"

namespace osb::cli {

namespace {

using opensandbox::NetworkRule;

constexpr std::string_view kFormats = "table|json|yaml";

const char* name_of(NetworkRule::Action action) {
  return action == NetworkRule::Action::allow ? "allow" : "deny";
}

// "allow=packages.example.org".
NetworkRule rule_of(const std::string& text) {
  size_t equals = text.find('=');
  std::string action = text.substr(0, equals);
  if (equals == std::string::npos || equals + 1 == text.size() || (action != "allow" && action != "deny"))
    throw UsageProblem("--rule: \"" + text + "\" is not of the form allow=TARGET or deny=TARGET");
  return {action == "allow" ? NetworkRule::Action::allow : NetworkRule::Action::deny,
          text.substr(equals + 1)};
}

// A sandbox without a policy has nobody who answers for it.
template <class Call>
auto with_policy(Invocation& run, const Call& call) {
  try {
    return call(open_sandbox(run).egress());
  } catch (const opensandbox::Error& error) {
    bool absent = error.code() == opensandbox::ErrorCode::unreachable || error.status() == 502;
    if (!absent) throw;
    Problem problem = sdk_problem(error);
    problem.advice = "only sandboxes that are made with --network-policy-file have a policy";
    throw problem;
  }
}

int get(Invocation& run) {
  auto policy = with_policy(run, [](const opensandbox::Egress& egress) { return egress.policy(); });
  json::Array rules;
  for (const NetworkRule& rule : policy.egress)
    rules.push_back(json::Object{{"action", name_of(rule.action)}, {"target", rule.target}});
  if (run.output().is_table()) {
    static constexpr Column kColumns[] = {{"ACTION", "action"}, {"TARGET", "target"}};
    rules.push_back(
        json::Object{{"action", name_of(policy.default_action)}, {"target", "(everything else)"}});
    run.output().rows(rules, kColumns, "");
  } else {
    run.output().record({{"default_action", name_of(policy.default_action)}, {"egress", rules}});
  }
  return 0;
}

int patch(Invocation& run) {
  std::vector<NetworkRule> rules;
  for (const std::string& text : run.options("rule")) rules.push_back(rule_of(text));
  if (rules.empty())
    throw UsageProblem("--rule is missing", run.line().path + " SANDBOX --rule allow=example.org");
  with_policy(run, [&](const opensandbox::Egress& egress) { egress.patch_rules(rules); });
  run.output().done("Changed " + std::to_string(rules.size()) + (rules.size() == 1 ? " rule" : " rules"));
  return 0;
}

int remove(Invocation& run) {
  std::vector<std::string> targets = run.arguments("TARGET");
  with_policy(run, [&](const opensandbox::Egress& egress) { egress.delete_rules(targets); });
  run.output().done("Deleted the rules of " + std::to_string(targets.size()) +
                        (targets.size() == 1 ? " target" : " targets"),
                    {{"targets", list_model(targets)}});
  return 0;
}

constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};
constexpr Argument kDeleteArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                         {"TARGET", "Host names or networks of rules", Count::some}};
constexpr Option kPatchOptions[] = {{"--rule", "ACTION=TARGET", "Such as allow=packages.example.org", true}};

const Command kGet{.name = "get",
                   .summary = "Show the policy",
                   .outputs = kFormats,
                   .arguments = kSandboxArgument,
                   .run = get};
const Command kPatch{.name = "patch",
                     .summary = "Add rules; one takes the place of the rule of its target",
                     .outputs = kFormats,
                     .arguments = kSandboxArgument,
                     .options = kPatchOptions,
                     .run = patch};
const Command kDelete{.name = "delete",
                      .summary = "Remove the rules of targets",
                      .outputs = kFormats,
                      .arguments = kDeleteArguments,
                      .run = remove};
const Command* const kChildren[] = {&kGet, &kPatch, &kDelete};

}  // namespace

const Command kEgress{.name = "egress", .summary = "What a sandbox may reach", .children = kChildren};

}  // namespace osb::cli
