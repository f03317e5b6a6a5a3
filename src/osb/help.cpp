#include "osb/help.h"

#include <algorithm>
#include <vector>

#include "osb/text_width.h"

namespace osb::cli {

namespace {

constexpr size_t kWidth = 80;
constexpr size_t kLabels = 30;  // labels longer than this get a line of their own

using Entries = std::vector<std::pair<std::string, std::string>>;

void append_entries(std::string& out, std::string_view title, const Entries& entries) {
  if (entries.empty()) return;
  size_t column = 0;
  for (const auto& [label, help] : entries)
    if (label.size() <= kLabels) column = std::max(column, label.size());
  column += 4;
  out += "\n" + std::string(title) + ":\n";
  for (const auto& [label, help] : entries) {
    out += "  " + label;
    out += label.size() + 4 > column ? "\n" + std::string(column, ' ')
                                     : std::string(column - label.size() - 2, ' ');
    out += wrapped(help, column, kWidth) + "\n";
  }
}

std::string argument_label(const Argument& argument) {
  std::string name(argument.name);
  switch (argument.count) {
    case Count::one:
      return name;
    case Count::optional:
      return "[" + name + "]";
    case Count::some:
      return name + "...";
    case Count::any:
      return "[" + name + "...]";
    case Count::command:
      return "[--] " + name + "...";
    case Count::optional_command:
      return "[[--] " + name + "...]";
  }
  return name;
}

Entries option_entries(std::span<const Option> options) {
  Entries entries;
  for (const Option& option : options)
    entries.emplace_back(option_label(option),
                         std::string(option.help) + (option.repeat ? "; repeatable" : ""));
  return entries;
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!out.empty() && column + 1 + text_width(word) > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += text_width(word);
  }
  return out;
}

std::string option_label(const Option& option) {
  std::string label(option.names);
  if (size_t comma = label.find(','); comma != std::string::npos) label.insert(comma + 1, " ");
  if (label.starts_with("--")) label.insert(0, "    ");
  return option.value.empty() ? label : label + " " + std::string(option.value);
}

std::string usage_line(const Command& command, const std::string& path) {
  std::string line = path + (command.run ? " [OPTIONS]" : " [OPTIONS] COMMAND");
  for (const Argument& argument : command.arguments) line += " " + argument_label(argument);
  return line;
}

std::string usage_line(const CommandLine& line) { return usage_line(*line.command, line.path); }

std::string help_text(const CommandLine& line) {
  const Command& command = *line.command;
  std::string out =
      "Usage: " + usage_line(line) + "\n\n" + wrapped(std::string(command.summary) + ".", 0) + "\n";
  if (!command.details.empty()) out += "\n" + std::string(command.details) + "\n";
  Entries arguments, children;
  for (const Argument& argument : command.arguments)
    arguments.emplace_back(std::string(argument.name), std::string(argument.help));
  for (const Command* child : command.children)
    if (!child->hidden) children.emplace_back(std::string(child->name), std::string(child->summary));
  append_entries(out, "Arguments", arguments);
  append_entries(out, "Commands", children);
  Entries options = option_entries(command.options);
  if (!command.outputs.empty())
    options.emplace_back("-o, --output " + std::string(command.outputs), "Format of the answer");
  append_entries(out, "Options", options);
  if (&command == &kRoot) append_entries(out, "Global options", option_entries(global_options()));
  if (&command != &kRoot) out += "\nGlobal options: osb --help\n";
  return out;
}

std::string nearest_child(const Command& group, std::string_view word) {
  std::string best;
  size_t least = 3;
  for (const Command* child : group.children) {
    size_t away = child->hidden ? least : distance(word, child->name);
    if (away < least && away < child->name.size()) {
      least = away;
      best = child->name;
    }
  }
  return best;
}

}  // namespace osb::cli
