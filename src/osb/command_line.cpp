#include "osb/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "osb/help.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

using Words = std::vector<std::string>;

const Option* global_named(std::string_view word) {
  std::string_view name = word.substr(0, word.find('='));
  for (const Option& option : global_options()) {
    std::string_view names = option.names;
    while (!names.empty()) {
      std::string_view one = names.substr(0, names.find(','));
      if (one == name) return &option;
      names.remove_prefix(std::min(one.size() + 1, names.size()));
    }
  }
  return nullptr;
}

[[noreturn]] void refuse_word(const CommandLine& line, const std::string& word) {
  std::string near = nearest_child(*line.command, word);
  throw UsageProblem("\"" + word + "\" is no command of " + line.path,
                     near.empty() ? line.path + " --help" : line.path + " " + near);
}

// Walks down the tree, taking the words of the path out of `words`. Global options may stand between them.
void find_command(CommandLine& line, const Command& root, Words& words) {
  line.command = &root;
  for (size_t i = 0; i < words.size() && !line.command->run;) {
    if (words[i].size() > 1 && words[i][0] == '-') {
      const Option* option = global_named(words[i]);
      if (!option) return;  // the parser says what is wrong with it
      i += !option->value.empty() && words[i].find('=') == std::string::npos ? 2 : 1;
      continue;
    }
    const Command* child = find_child(*line.command, words[i]);
    if (!child) refuse_word(line, words[i]);
    line.command = child;
    line.path += " " + words[i];
    words.erase(words.begin() + static_cast<ptrdiff_t>(i));
  }
}

// One CLI11 parser for one command.
class Parser {
 public:
  explicit Parser(CommandLine& line) : line_(line), app_("", line.path) {
    app_.set_help_flag();
    for (const Option& option : line.command->options) add(option);
    for (const Option& option : global_options()) add(option);
    if (!line.command->outputs.empty()) add({"-o,--output", line.command->outputs, "Format"});
    for (const Argument& argument : line.command->arguments) add(argument);
    if (takes_rest(*line.command)) app_.prefix_command();
  }

  void parse(Words words) {
    bool marked = std::find(words.begin(), words.end(), "--") != words.end();
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      if (asks_for_help()) return;
      throw UsageProblem(plain(error.what()), line_.path + " --help");
    }
    if (!asks_for_help()) check(marked);
  }

 private:
  void add(const Option& option) {
    std::string key(key_of(option));
    if (!known_.insert(key).second) return;  // a command's own option hides a global one
    if (option.value.empty()) {
      app_.add_flag_callback(std::string(option.names), [this, key] { line_.options[key] = {""}; });
      return;
    }
    CLI::Option* added = app_.add_option_function<Words>(
        std::string(option.names), [this, key](const Words& values) { line_.options[key] = values; });
    added->type_size(1)->expected(1)->allow_extra_args(false);
    added->multi_option_policy(option.repeat ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    if (option.repeat) added->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false);
    choices_.emplace_back(key, option.value);
  }

  void add(const Argument& argument) {
    if (argument.count >= Count::command) return;
    std::string name(argument.name);
    CLI::Option* added = app_.add_option_function<Words>(
        name, [this, name](const Words& values) { line_.arguments[name] = values; });
    bool many = argument.count == Count::some || argument.count == Count::any;
    added->type_size(1)->expected(1, many ? CLI::detail::expected_max_vector_size : 1);
    required_.emplace_back(&argument);
  }

  bool asks_for_help() const { return line_.has("help") || line_.has("version"); }

  void check(bool marked) {
    for (const auto& [key, allowed] : choices_) check_choice(key, allowed);
    for (const Argument* argument : required_)
      if ((argument->count == Count::one || argument->count == Count::some) &&
          !line_.arguments.contains(argument->name))
        throw UsageProblem(std::string(argument->name) + " is missing", usage_line(line_));
    if (takes_rest(*line_.command)) take_rest(marked);
  }

  void check_choice(const std::string& key, std::string_view allowed) {
    if (allowed.find('|') == std::string_view::npos || allowed.find(' ') != std::string_view::npos) return;
    std::optional<std::string> given = line_.option(key);
    if (!given) return;
    std::string all = "|" + std::string(allowed) + "|";
    if (all.find("|" + *given + "|") == std::string::npos)
      throw UsageProblem("--" + key + ": \"" + *given + "\" is none of " + std::string(allowed));
  }

  // The first unknown word begins the remote command. If it looks like a flag and no -- came before, it is a typing
  // error rather than a command.
  void take_rest(bool marked) {
    line_.rest = app_.remaining();
    if (!line_.rest.empty() && line_.rest.front() == "--") {
      line_.rest.erase(line_.rest.begin());
    } else if (!line_.rest.empty() && line_.rest.front().starts_with("-") && !marked) {
      throw UsageProblem("there is no flag " + line_.rest.front(), usage_line(line_));
    }
    const Argument& last = line_.command->arguments.back();
    if (line_.rest.empty() && last.count == Count::command)
      throw UsageProblem(std::string(last.name) + " is missing", usage_line(line_));
  }

  // CLI11's sentences, without its newline.
  static std::string plain(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    constexpr std::string_view kExtra = "The following argument was not expected: ";
    constexpr std::string_view kExtras = "The following arguments were not expected: ";
    if (text.starts_with(kExtra)) text = "not expected here: " + text.substr(kExtra.size());
    if (text.starts_with(kExtras)) text = "not expected here: " + text.substr(kExtras.size());
    return text;
  }

  CommandLine& line_;
  CLI::App app_;
  std::set<std::string> known_;
  std::vector<std::pair<std::string, std::string_view>> choices_;
  std::vector<const Argument*> required_;
};

}  // namespace

std::optional<std::string> CommandLine::option(std::string_view key) const {
  auto found = options.find(key);
  return found == options.end() || found->second.empty() ? std::nullopt : std::optional(found->second.back());
}

CommandLine parse_command_line(const Command& root, Words words) {
  CommandLine line;
  find_command(line, root, words);
  Parser(line).parse(std::move(words));
  return line;
}

}  // namespace osb::cli
