#include "osb/man_page.h"

#include "osb/help.h"

namespace osb::cli {

namespace {

// Text that roff prints as it stands.
std::string roff(std::string_view text) {
  std::string out;
  bool begin = true;
  for (char c : text) {
    if (begin && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begin = c == '\n';
  }
  return out;
}

void append_entry(std::string& out, std::string_view label, std::string_view help) {
  out += ".TP\n.B " + roff(label) + "\n" + roff(help) + ".\n";
}

std::string trimmed_label(const Option& option) {
  std::string label = option_label(option);
  return label.substr(label.find_first_not_of(' '));
}

void append_options(std::string& out, std::span<const Option> options) {
  for (const Option& option : options)
    append_entry(out, trimmed_label(option),
                 std::string(option.help) + (option.repeat ? "; repeatable" : ""));
}

void append_command(std::string& out, const Command& command, const std::string& path) {
  out += ".SS " + roff(usage_line(command, path)) + "\n" + roff(command.summary) + ".\n";
  if (!command.details.empty()) out += ".PP\n.nf\n" + roff(command.details) + "\n.fi\n";
  for (const Argument& argument : command.arguments) append_entry(out, argument.name, argument.help);
  append_options(out, command.options);
  if (!command.outputs.empty())
    append_entry(out, "-o, --output " + std::string(command.outputs), "Format of the answer");
}

constexpr std::string_view kTail =
    ".SH FILES\n.TP\n.I ~/.opensandbox/config.toml\n"
    "Defaults of the options; see\n.BR \"osb config\" .\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B OPEN_SANDBOX_DOMAIN, OPEN_SANDBOX_API_KEY, OPEN_SANDBOX_PROTOCOL, OPEN_SANDBOX_REQUEST_TIMEOUT, "
    "OPEN_SANDBOX_USE_SERVER_PROXY\n"
    "As the options of these names. They win over the file, and options win over them.\n"
    ".TP\n.B NO_COLOR\nNo colours.\n"
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nIt worked.\n"
    ".TP\n.B 1\nIt failed.\n"
    ".TP\n.B 2\nThe command line is wrong.\n"
    ".TP\n.B 125\n"
    "Of commands that run something in a sandbox: osb itself failed. Any other status is the one of what "
    "ran, "
    "128 and the number of the signal if a signal ended it.\n"
    ".TP\n.B 130\nCtrl\\-C; what ran in the sandbox was interrupted first.\n";

}  // namespace

std::string man_page(const Command& root, const std::string& version) {
  std::string out = ".TH OSB 1 \"\" \"osb " + roff(version) + "\" \"OpenSandbox\"\n";
  out += ".SH NAME\nosb \\- " + roff(root.summary) + "\n";
  out += ".SH SYNOPSIS\n.B osb\n[OPTIONS] COMMAND ...\n";
  if (!root.details.empty()) out += ".SH DESCRIPTION\n.nf\n" + roff(root.details) + "\n.fi\n";
  out += ".SH OPTIONS\n";
  append_options(out, global_options());
  out += ".SH COMMANDS\n";
  walk(root, "osb", [&](const Command& command, const std::string& path) {
    if (command.run) append_command(out, command, path);
  });
  out += kTail;
  return out;
}

}  // namespace osb::cli
