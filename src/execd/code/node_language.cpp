#include "execd/code/node_language.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "execd/code/program_output.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kVersionTime{10'000};

// The worker is descriptor 5. import() has to be handed to it: scripts have none of their own in older Nodes.
std::string boot(std::string_view language) {
  return "require('vm').runInThisContext(require('fs').readFileSync(5,'utf8'),{filename:'osb-worker'})"
         "(require,(s,o)=>o?import(s,o):import(s),'" +
         std::string(language) + "')";
}

std::string value_of(const Environment& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

// "20.11.1" → {20, 11, 1}; as far as there are numbers.
std::vector<int> numbers(std::string_view version) {
  std::vector<int> out;
  const char* at = version.data();
  const char* end = at + version.size();
  for (int number = 0; at < end;) {
    auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || number < 0) break;
    out.push_back(number);
    if (next == end || *next != '.') break;
    at = next + 1;
  }
  return out;
}

bool is_full_version(std::string_view text) { return numbers(text).size() == 3; }

void add(std::vector<NodeInstallation>& out, const fs::path& program) {
  if (::access(program.c_str(), X_OK) != 0) return;
  if (std::ranges::any_of(out, [&](const auto& other) { return other.program == program.string(); })) return;
  std::string folder = plain_node_version(program.parent_path().parent_path().filename().string());
  out.push_back({program.string(), is_full_version(folder) ? folder : ""});
}

// <folder>/<anything>/bin/node
void add_below(std::vector<NodeInstallation>& out, const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    found.push_back(at->path() / "bin" / "node");
  std::ranges::sort(found);
  for (const fs::path& program : found) add(out, program);
}

std::string listed(const std::vector<NodeInstallation>& nodes) {
  std::vector<std::string> versions;
  for (const NodeInstallation& node : nodes)
    if (!node.version.empty()) versions.push_back(node.version);
  std::ranges::sort(versions, {}, numbers);
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  std::string out;
  for (const std::string& version : versions) out += (out.empty() ? "" : ", ") + version;
  return out.empty() ? "none" : out;
}

}  // namespace

std::string plain_node_version(std::string_view wanted) {
  if (wanted.starts_with('v')) wanted.remove_prefix(1);
  while (wanted.ends_with(".x") || wanted.ends_with(".*")) wanted.remove_suffix(2);
  return std::string(wanted);
}

const NodeInstallation* newest_node(const std::vector<NodeInstallation>& nodes, std::string_view wanted) {
  std::vector<int> prefix = numbers(wanted);
  const NodeInstallation* newest = nullptr;
  if (prefix.empty() && !wanted.empty()) return nullptr;
  for (const NodeInstallation& node : nodes) {
    std::vector<int> version = numbers(node.version);
    bool fits = version.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), version.begin());
    if (!version.empty() && fits && (!newest || numbers(newest->version) < version)) newest = &node;
  }
  return newest;
}

std::vector<NodeInstallation> node_candidates(const Environment& env) {
  std::vector<NodeInstallation> out;
  std::string path = value_of(env, "PATH");
  for (const char* name : {"node", "nodejs"})
    for (size_t at = 0; at <= path.size();) {
      size_t end = std::min(path.find(':', at), path.size());
      fs::path folder = path.substr(at, end - at);
      if (folder.is_absolute()) add(out, folder / name);
      at = end + 1;
    }
  std::string home = value_of(env, "HOME"), nvm = value_of(env, "NVM_DIR");
  for (const char* folder :
       {"/opt/opensandbox/node", "/opt/node", "/opt/nodejs", "/usr/local/nvm/versions/node"})
    add_below(out, folder);
  if (!nvm.empty()) add_below(out, nvm + "/versions/node");
  if (!home.empty())
    for (const char* folder :
         {"/.nvm/versions/node", "/.asdf/installs/nodejs", "/.local/share/mise/installs/node"})
      add_below(out, home + folder);
  for (const char* program :
       {"/usr/local/bin/node", "/usr/bin/node", "/opt/node/bin/node", "/usr/local/node/bin/node"})
    add(out, program);
  return out;
}

net::task<std::vector<NodeInstallation>> NodeFinder::installed(std::shared_ptr<NodeFinder> self,
                                                               std::vector<std::string> env) {
  std::vector<NodeInstallation> nodes = node_candidates(from_strings(env));
  for (NodeInstallation& node : nodes) {
    if (!node.version.empty()) continue;
    sys::ChildSpec spec;
    spec.program = node.program;
    spec.argv = {node.program, "--version"};
    spec.env = env;
    spec.cwd = "/";
    try {
      std::string said = co_await program_output(self->executor_, self->reaper_, spec, kVersionTime);
      std::string version = plain_node_version(said.substr(0, said.find('\n')));
      if (is_full_version(version)) node.version = version;
    } catch (const Error& error) {
      log_info("a node that does not work", {{"program", node.program}, {"error", error.message()}});
    }
  }
  std::erase_if(nodes, [](const NodeInstallation& node) { return node.version.empty(); });
  co_return nodes;
}

net::task<std::string> NodeFinder::find(std::shared_ptr<NodeFinder> self, std::vector<std::string> env) {
  if (!self->found_.empty() && ::access(self->found_.c_str(), X_OK) == 0) co_return self->found_;
  Environment variables = from_strings(env);
  std::string given = value_of(variables, "NODE_VERSION"), wanted = plain_node_version(given);
  std::vector<NodeInstallation> nodes = node_candidates(variables);
  if (nodes.empty()) throw Error(ErrorCode::unsupported, "Node is not available in this image");
  if (wanted.empty()) co_return self->found_ = nodes.front().program;
  nodes = co_await installed(self, env);
  const NodeInstallation* node = newest_node(nodes, wanted);
  if (!node) {
    std::string why = "NODE_VERSION=" + given + " is not in this image; it has " + listed(nodes);
    if (nodes.empty() || value_of(variables, "OPENSANDBOX_IMAGE_KIND") != "host")
      throw Error(ErrorCode::unsupported, why);
    log_warn("another Node than the wanted one is used",
             {{"reason", why}, {"program", nodes.front().program}});
    node = &nodes.front();
  }
  co_return self->found_ = node->program;
}

net::task<WorkerProgram> NodeLanguage::program(std::vector<std::string> env) {
  WorkerProgram out;
  out.program = co_await NodeFinder::find(finder_, env);
  out.argv = {"node", "-e", boot(name())};
  out.files = {kJavaScriptWorker, kAcorn};
  if (dialect_ == Dialect::typescript) out.files.push_back(kSucrase);
  out.env = std::move(env);
  co_return out;
}

}  // namespace osb::execd
