#include "execd/command/command_request.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "execd/identity.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

void check_program(CommandRequest& request) {
  if (request.command && request.command->empty()) request.command.reset();
  if (request.argv && request.argv->empty()) request.argv.reset();
  if (!request.command && !request.argv) refuse_body("one of command and argv is required");
  if (request.command && request.argv) refuse_body("command and argv exclude each other");
  if (request.command && has_nul(*request.command)) refuse_body("command: cannot hold NUL");
  if (!request.argv) return;
  if (request.argv->front().empty()) refuse_body("argv[0]: cannot be empty");
  if (std::ranges::any_of(*request.argv, has_nul)) refuse_body("argv: cannot hold NUL");
}

void check_environment(const CommandRequest& request) {
  if (!request.envs) return;
  for (const auto& [name, value] : *request.envs) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      refuse_body("envs: \"" + name + "\" is no name");
    if (value && has_nul(*value)) refuse_body("envs." + name + ": cannot hold NUL");
  }
}

Environment requested_environment(const CommandRequest& request) {
  Environment out;
  if (request.envs)
    for (const auto& [name, value] : *request.envs)
      if (value) out[name] = *value;
  return out;
}

std::string quote_for_status(const std::vector<std::string>& argv) {
  std::string out;
  for (const std::string& argument : argv) out.append(out.empty() ? "" : " ").append(argument);
  return out;
}

void set_identity(sys::ChildSpec& child, const CommandRequest& request) {
  child.uid = request.uid;
  child.gid = request.gid;
  if (!request.uid) return;
  Identity identity = identity_of(*request.uid);
  if (!child.gid) child.gid = identity.gid;
  child.groups = std::move(identity.groups);
}

}  // namespace

CommandRequest parse_command_request(std::string_view body) {
  CommandRequest request = read_request<CommandRequest>(body);
  check_program(request);
  check_environment(request);
  if (request.timeout.value_or(0) < 0) refuse_body("timeout: cannot be negative");
  if (request.gid && !request.uid) refuse_body("uid is required when gid is provided");
  // The kernel reads 2^32-1 as "leave it as it is", and the command would keep the daemon's identity.
  if (request.uid == UINT32_MAX || request.gid == UINT32_MAX)
    refuse_body("uid, gid: 4294967295 is no user or group");
  if (request.cwd && has_nul(*request.cwd)) refuse_body("cwd: cannot hold NUL");
  return request;
}

CommandSpec resolve_command(const CommandRequest& request, const CommandDefaults& defaults) {
  Environment environment = command_environment(defaults.environment, requested_environment(request));
  CommandSpec spec;
  spec.timeout = std::chrono::milliseconds(request.timeout.value_or(0));
  spec.background = request.background.value_or(false);
  spec.child.cwd = resolve_directory(request.cwd.value_or(""), defaults.cwd, environment);
  if (request.command) {
    spec.content = *request.command;
    spec.child.program = find_shell(environment);
    spec.child.argv = {spec.child.program.ends_with("bash") ? "bash" : "sh", "-c", *request.command};
  } else {
    spec.content = quote_for_status(*request.argv);
    spec.child.program = request.argv->front();
    spec.child.argv = *request.argv;
  }
  set_identity(spec.child, request);
  spec.child.env = to_strings(environment);
  spec.child.oom_score_adj = defaults.oom_score_adj;
  spec.child.open_files = defaults.open_files;
  return spec;
}

std::string find_shell(const Environment& environment) {
  auto path = environment.find("PATH");
  std::string_view rest =
      path == environment.end() ? "/usr/local/bin:/usr/bin:/bin" : std::string_view(path->second);
  while (!rest.empty()) {
    size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/bash";
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ::access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
}

std::string requested_directory(const std::string& cwd, const std::string& base,
                                const Environment& environment) {
  std::string path;
  try {
    path = expand_path(cwd, environment);
  } catch (const Error& error) {
    refuse_body(error.message());
  }
  if (path.empty()) path = base;
  return path.starts_with('/') ? path : base + "/" + path;
}

std::string resolve_directory(const std::string& cwd, const std::string& base,
                              const Environment& environment) {
  std::string path = requested_directory(cwd, base, environment);
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    if (cwd.empty() && errno == ENOENT) return "/";
    refuse_body("working directory does not exist: " + path + ": " + ::strerrordesc_np(errno));
  }
  if (!S_ISDIR(info.st_mode)) refuse_body("path is not a directory: " + path);
  return path;
}

}  // namespace osb::execd
