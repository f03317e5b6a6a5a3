#include "osb/skill_texts.h"

namespace osb::cli {

namespace {

constexpr Skill kSkillTexts[] = {
    {"sandbox-lifecycle", "Making, finding, keeping alive and ending OpenSandbox sandboxes with osb",
     R"(# Sandboxes

A sandbox is a private machine. Make one for untrusted or messy work, and end it when the work is done.

- One command and away: `osb run IMAGE -- COMMAND`. The exit code is the command's.
- One that stays: `ID=$(osb sandbox create --image IMAGE --timeout 30m -o raw)`. `host` is an image that is always there.
- What there is: `osb sandbox list -o json`; one of them: `osb sandbox get ID -o json`. Label yours with `--metadata KEY=VALUE`.
- More time: `osb sandbox renew ID --timeout 1h`. It counts from now.
- Freeze and go on: `osb sandbox pause ID`, `osb sandbox resume ID`.
- A port from outside: `osb sandbox endpoint ID --port 8000`.
- The end: `osb sandbox kill ID`. Always do this, also after a failure.
)"},
    {"command-execution", "Running commands, scripts and code in OpenSandbox sandboxes with osb",
     R"(# Commands

- `osb exec ID COMMAND ARGS...` runs a program; `osb exec ID 'a | b'` (one word) runs a line of shell. The exit code is the command's, 125 means that
  osb itself failed.
- Directory, variables, limit: `osb exec -w DIR -e KEY=VALUE -t 60s ID COMMAND`.
- Input: `osb exec -i ID COMMAND < file`.
- Long work: `RUN=$(osb command run ID --background -o raw -- COMMAND)`, then `osb logs --follow ID RUN`, `osb command status ID RUN -o json`,
  `osb command interrupt ID RUN`.
- State from run to run: `S=$(osb command session create ID -o raw)`, `osb command session run ID S 'cd /work'`, `osb command session delete ID S`.
- Code with values and tracebacks: `osb code ID -l python -c 'CODE'`.
)"},
    {"file-operations",
     "Moving files into and out of OpenSandbox sandboxes, and changing them there, with osb",
     R"(# Files

- Copy files or directories: `osb cp LOCAL ID:PATH`, `osb cp ID:PATH LOCAL`. `-` is standard input or output.
- Read and write: `osb file cat ID PATH`, `osb file write ID PATH --content TEXT` (or from a pipe), `--mode 644`.
- Look: `osb file ls ID DIR`, `osb file info ID PATH... -o json`, `osb file search ID DIR --pattern '**/*.py'`.
- Change: `osb file replace ID PATH --old TEXT --new TEXT` (each occurrence), `osb file mv|rm|mkdir|rmdir|chmod`.
- Nothing is half written: a file appears whole or not at all.
)"},
    {"network-egress", "Seeing and changing what an OpenSandbox sandbox may reach, with osb",
     R"(# Network

- Rules are given when a sandbox is made: `osb sandbox create --image IMAGE --network-policy-file policy.json` with
  `{"defaultAction": "deny", "egress": [{"action": "allow", "target": "packages.example.org"}]}`.
- Show them: `osb egress get ID -o json`.
- Add or change: `osb egress patch ID --rule allow=HOST --rule deny=HOST`.
- Remove: `osb egress delete ID HOST`.
- Allow as little as the work needs, and ask the user before allowing more.
)"},
    {"credential-vault", "Letting an OpenSandbox sandbox use secrets that it never sees, with osb",
     R"(# Credentials

Secrets are added to requests on their way out; programs in the sandbox never see them. The sandbox must be made with
`--network-policy-file FILE --credential-proxy`.

- Put them in: `osb credential-vault create ID --file -` with JSON on standard input:
  `{"credentials": [{"name": "token", "source": {"type": "inline", "value": "..."}}], "bindings": [{"name": "api", "match": {"hosts":
  ["api.example.org"]}, "auth": {"type": "bearer", "credential": "token"}}]}`.
- Show it, without secrets: `osb credential-vault get ID`.
- Change it: `osb credential-vault patch ID --file -` with `{"credentials": {"add": [], "replace": [], "delete": []}, "bindings": {...}}`.
- Never put a secret into a command line, an environment variable or a file of the sandbox.
)"},
    {"sandbox-troubleshooting",
     "Finding out why an OpenSandbox server or sandbox cannot be reached or fails, with osb",
     R"(# When something fails

1. `osb doctor` checks the way to the server, `osb doctor ID` also the one to a sandbox. The line that failed says what to do.
2. `osb sandbox get ID -o json`: state, reason and message. Paused ones: `osb sandbox resume ID`. Ended ones cannot come back.
3. `osb top --once`: is it out of memory or CPU?
4. `osb diagnostics logs ID --scope all`, `osb diagnostics events ID --scope all`, where the server has them.
5. Errors have a code: UNREACHABLE (no way there), UNAUTHORIZED or HTTP 401 (key), SANDBOX_NOT_FOUND (ended or wrong id), NOT_READY (did not start in time).
6. `--verbose` shows each request; `--use-server-proxy` goes through the server where there is no direct way.
)"},
};

std::string marker(std::string_view name, const char* end) {
  return "<!-- opensandbox skill " + std::string(name) + " " + end + " -->\n";
}

}  // namespace

std::span<const Skill> skills() { return kSkillTexts; }

const Skill* find_skill(std::string_view name) {
  for (const Skill& skill : kSkillTexts)
    if (skill.name == name) return &skill;
  return nullptr;
}

std::string skill_file(const Skill& skill) {
  return "---\nname: " + std::string(skill.name) + "\ndescription: " + std::string(skill.summary) +
         "\n---\n\n" + std::string(skill.text);
}

std::string without_skill_block(const std::string& text, std::string_view name) {
  std::string begin = marker(name, "begin"), end = marker(name, "end");
  size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from) return text;
  to += end.size();
  // The empty line that came with it: before it, or behind it if it is the first text.
  if (text.substr(0, from).ends_with("\n\n")) --from;
  if (from == 0 && text.substr(to).starts_with("\n")) ++to;
  return text.substr(0, from) + text.substr(to);
}

std::string with_skill_block(const std::string& text, const Skill& skill) {
  std::string begin = marker(skill.name, "begin"), end = marker(skill.name, "end");
  std::string block = begin + std::string(skill.text) + end;
  size_t from = text.find(begin), to = text.find(end);
  if (from != std::string::npos && to != std::string::npos && from < to)
    return text.substr(0, from) + block + text.substr(to + end.size());
  std::string out = text;
  if (!out.empty() && out.back() != '\n') out += '\n';
  if (!out.empty()) out += '\n';
  return out + block;
}

}  // namespace osb::cli
