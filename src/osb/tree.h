// What a command line of osb may look like, as constant data: help, man page, completion and the parser all
// read the same tree, so none of them can forget a flag. Nothing here runs code at start-up.
//
// Conventions that readers of the tree rely on:
//   * An argument's name says how to complete it: SANDBOX is the id of a sandbox, LOCAL and FILE are files
//   here.
//   * An option's value of the form "a|b|c" lists all that is allowed.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace osb::cli {

class Invocation;

enum class Count {
  one,
  optional,
  some,              // one or more
  any,               // none or more
  command,           // the rest of the line from its first word on, flags included; at least one word
  optional_command,  // the same, may be absent
};

struct Argument {
  std::string_view name;
  std::string_view help;
  Count count = Count::one;
};

struct Option {
  std::string_view names;  // "-i,--image"; the long one is the key that Invocation knows it by
  std::string_view value;  // "IMAGE", "http|https"; empty: a flag
  std::string_view help;
  bool repeat = false;  // may be given more than once; otherwise the last one counts
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line, no full stop
  std::string_view details = {};
  std::string_view outputs = {};  // "table|json|yaml": gives -o/--output; the first is the default
  std::span<const Argument> arguments = {};
  std::span<const Option> options = {};
  std::span<const Command* const> children = {};
  int (*run)(Invocation&) = nullptr;  // the exit code; throws Problem, Error; null for a group
  bool hidden = false;
  bool passes_exit_code = false;  // ends with the exit code of what it ran in the sandbox
};

extern const Command kRoot;
// They may stand anywhere on the line before a remote command begins.
std::span<const Option> global_options();

// "-i,--image" -> "image"; "-v" -> "v".
std::string_view key_of(const Option& option);
// The child of that name, or null.
const Command* find_child(const Command& group, std::string_view name);
bool takes_rest(const Command& command);

// Calls visit(command, path) for every command below and including `command` that is not hidden; `path` is
// what is typed, "osb sandbox create".
template <class Visit>
void walk(const Command& command, const std::string& path, const Visit& visit) {
  visit(command, path);
  for (const Command* child : command.children)
    if (!child->hidden) walk(*child, path + " " + std::string(child->name), visit);
}

}  // namespace osb::cli
