// osb skills: guides for coding agents, put where these look for them.
#include <unistd.h>

#include <filesystem>

#include "osb/commands/all.h"
#include "osb/config_file.h"
#include "osb/invocation.h"
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/remote_path.h"
#include "osb/skill_texts.h"

namespace osb::cli {

namespace {

// Where an agent looks: a file for each skill ("%" is its name), or one file that holds all of them as
// blocks. Paths are relative to the project, or to the home directory; empty: this agent has no such place.
struct Agent {
  std::string_view name, project, global;
};

constexpr Agent kAgents[] = {
    {"claude", ".claude/skills/%/SKILL.md", ".claude/skills/%/SKILL.md"},
    {"cursor", ".cursor/rules/%.mdc", ""},
    {"codex", "AGENTS.md", ".codex/AGENTS.md"},
    {"copilot", ".github/copilot-instructions.md", ""},
    {"windsurf", ".windsurfrules", ".codeium/windsurf/memories/global_rules.md"},
    {"cline", ".clinerules/%.md", "Documents/Cline/Rules/%.md"},
    {"opencode", "AGENTS.md", ".config/opencode/AGENTS.md"},
};
constexpr std::string_view kTargets = "claude|cursor|codex|copilot|windsurf|cline|opencode|all";

std::vector<const Skill*> chosen(Invocation& run) {
  std::string name = run.argument("NAME");
  std::vector<const Skill*> out;
  if (name.empty() != run.flag("all-builtins"))
    throw UsageProblem("name one skill, or all with --all-builtins");
  for (const Skill& skill : skills())
    if (name.empty() || skill.name == name) out.push_back(&skill);
  if (out.empty()) throw UsageProblem("there is no skill \"" + name + "\"", "osb skills list");
  return out;
}

struct Place {
  std::string path;
  bool shared = false;  // with other texts, as a block
};

// The places of one skill for the agents of --target. One that has none in this scope is passed over with
// `all`.
std::vector<Place> places(Invocation& run, const Skill& skill) {
  std::string target = run.required("target"), scope = run.option("scope").value_or("project");
  std::string home = process_environment()("HOME").value_or("");
  std::vector<Place> out;
  for (const Agent& agent : kAgents) {
    if (target != "all" && target != agent.name) continue;
    std::string path(scope == "global" ? agent.global : agent.project);
    if (path.empty() && target == "all") continue;
    if (path.empty()) throw UsageProblem(target + " has no global place for skills", "--scope project");
    size_t name = path.find('%');
    if (name != std::string::npos) path.replace(name, 1, skill.name);
    out.push_back({scope == "global" ? join_path(home, path) : path, name == std::string::npos});
  }
  return out;
}

void write_text(const std::string& path, const std::string& text) {
  write_config(path, text);
  std::error_code ignored;  // not secret, unlike a configuration
  std::filesystem::permissions(path, std::filesystem::perms(0644), ignored);
}

void finish(Invocation& run, const std::string& verb, const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) all += "\n  " + path;
  run.output().done(paths.empty() ? "Nothing to do" : verb + all, {{"paths", list_model(paths)}});
}

int install(Invocation& run) {
  std::vector<std::string> written;
  for (const Skill* skill : chosen(run))
    for (const Place& place : places(run, *skill)) {
      std::string before = read_config(place.path);
      std::string after = place.shared ? with_skill_block(before, *skill) : skill_file(*skill);
      if (before == after) continue;
      if (!place.shared && !before.empty() && !run.flag("force"))
        throw Problem("FILE", "writing " + place.path + ": another text is there", "--force takes its place");
      write_text(place.path, after);
      written.push_back(place.path);
    }
  finish(run, "Installed", written);
  return 0;
}

int uninstall(Invocation& run) {
  std::vector<std::string> changed;
  std::vector<const Skill*> which;
  for (const Skill& skill : skills())
    if (run.argument("NAME").empty() || run.argument("NAME") == skill.name) which.push_back(&skill);
  if (which.empty())
    throw UsageProblem("there is no skill \"" + run.argument("NAME") + "\"", "osb skills list");
  for (const Skill* skill : which)
    for (const Place& place : places(run, *skill)) {
      std::string before = read_config(place.path);
      std::string after = place.shared ? without_skill_block(before, skill->name) : std::string();
      if (before == after) continue;
      if (after.empty()) {
        ::unlink(place.path.c_str());
      } else {
        write_text(place.path, after);
      }
      changed.push_back(place.path);
    }
  finish(run, "Removed from", changed);
  return 0;
}

int show(Invocation& run) {
  const Skill* skill = find_skill(run.argument("NAME"));
  if (!skill) throw UsageProblem("there is no skill \"" + run.argument("NAME") + "\"", "osb skills list");
  json::Object model{{"name", skill->name}, {"description", skill->summary}, {"content", skill->text}};
  if (run.output().is_table()) {
    run.output().text(skill->text);
  } else {
    run.output().record(model);
  }
  return 0;
}

int list(Invocation& run) {
  json::Array rows;
  for (const Skill& skill : skills())
    rows.push_back(json::Object{{"name", skill.name}, {"description", skill.summary}});
  static constexpr Column kColumns[] = {{"NAME", "name"}, {"DESCRIPTION", "description"}};
  run.output().rows(rows, kColumns, "");
  return 0;
}

constexpr std::string_view kFormats = "table|json|yaml";
constexpr Argument kMaybeName[] = {{"NAME", "One of osb skills list", Count::optional}};
constexpr Argument kName[] = {{"NAME", "One of osb skills list"}};
constexpr Option kTarget{"--target", kTargets, "The agent"};
constexpr Option kScope{"--scope", "project|global", "In this directory (default), or in the home directory"};
constexpr Option kInstallOptions[] = {{"--all-builtins", "", "All of them"},
                                      kTarget,
                                      kScope,
                                      {"-f,--force", "", "Replace another text that is there"}};
constexpr Option kUninstallOptions[] = {kTarget, kScope};

const Command kInstall{.name = "install",
                       .summary = "Put guides where a coding agent looks for them",
                       .details = "  osb skills install --all-builtins --target claude",
                       .outputs = kFormats,
                       .arguments = kMaybeName,
                       .options = kInstallOptions,
                       .run = install};
const Command kShow{
    .name = "show", .summary = "Print a guide", .outputs = kFormats, .arguments = kName, .run = show};
const Command kList{.name = "list", .summary = "List the guides", .outputs = kFormats, .run = list};
const Command kUninstall{.name = "uninstall",
                         .summary = "Take guides away again; all, if none is named",
                         .outputs = kFormats,
                         .arguments = kMaybeName,
                         .options = kUninstallOptions,
                         .run = uninstall};
const Command* const kChildren[] = {&kInstall, &kShow, &kList, &kUninstall};

}  // namespace

const Command kSkills{
    .name = "skills", .summary = "Guides for coding agents about osb", .children = kChildren};

}  // namespace osb::cli
