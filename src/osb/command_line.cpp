#include "osb/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "osb/help.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

using Words = std::vector<std::string>;

const Option* option_named(std::span<const Option> options, std::string_view word) {
  std::string_view name = word.substr(0, word.find('='));
  for (const Option& option : options) {
    std::string_view names = option.names;
    while (!names.empty()) {
      std::string_view one = names.substr(0, names.find(','));
      if (one == name) return &option;
      names.remove_prefix(std::min(one.size() + 1, names.size()));
    }
  }
  return nullptr;
}

bool is_option(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

// Whether the word behind this option belongs to it. An option that is not known has none; the parser refuses
// it.
bool takes_next(const Command& command, std::string_view word) {
  static constexpr Option kOutput[] = {{"-o,--output", "FORMAT", ""}};
  auto named = [&](std::string_view name) {
    const Option* found = command.outputs.empty() ? nullptr : option_named(kOutput, name);
    if (found) return found;
    found = option_named(command.options, name);
    return found ? found : option_named(global_options(), name);
  };
  if (word.starts_with("--")) {
    const Option* option = named(word);
    return option && !option->value.empty() && word.find('=') == std::string_view::npos;
  }
  for (size_t i = 1; i < word.size(); ++i) {  // "-dw" is "-d -w"
    const Option* option = named(std::string("-") + word[i]);
    if (option && !option->value.empty()) return i + 1 == word.size();
  }
  return false;
}

// A remote command begins behind "--", or with the first word that is no other argument; it is cut off
// `words`.
Words cut_rest(const Command& command, Words& words) {
  size_t arguments = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    bool marked = words[i] == "--";
    if (!marked && is_option(words[i])) {
      i += takes_next(command, words[i]);
      continue;
    }
    if (!marked && ++arguments < command.arguments.size()) continue;
    Words rest(words.begin() + static_cast<ptrdiff_t>(marked ? i + 1 : i), words.end());
    words.resize(i);
    return rest;
  }
  return {};
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
    if (is_option(words[i])) {
      const Option* option = option_named(global_options(), words[i]);
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
    add_arguments();
  }

  void parse(Words words) {
    if (takes_rest(*line_.command)) line_.rest = cut_rest(*line_.command, words);
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      if (asks_for_help()) return;
      throw UsageProblem(plain(error.what()), line_.path + " --help");
    }
    if (!asks_for_help()) check();
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
    added->multi_option_policy(option.repeat ? CLI::MultiOptionPolicy::TakeAll
                                             : CLI::MultiOptionPolicy::TakeLast);
    if (option.repeat) added->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false);
    choices_.emplace_back(key, option.value);
  }

  // All arguments in one; which is which is seen when they are all there.
  void add_arguments() {
    app_.add_option_function<Words>("ARGUMENT", [this](const Words& values) { given_ = values; })
        ->type_size(1)
        ->expected(1, CLI::detail::expected_max_vector_size);
  }

  bool asks_for_help() const { return line_.has("help") || line_.has("version"); }

  void check() {
    for (const auto& [key, allowed] : choices_) check_choice(key, allowed);
    distribute();
    const Command& command = *line_.command;
    if (takes_rest(command) && command.arguments.back().count == Count::command && line_.rest.empty())
      throw UsageProblem(std::string(command.arguments.back().name) + " is missing", usage_line(line_));
  }

  void distribute() {
    auto next = given_.begin();
    for (const Argument& argument : line_.command->arguments) {
      if (argument.count >= Count::command) continue;
      bool many = argument.count == Count::some || argument.count == Count::any;
      auto end = many ? given_.end() : next + (next != given_.end());
      bool needed = argument.count == Count::one || argument.count == Count::some;
      if (needed && next == end)
        throw UsageProblem(std::string(argument.name) + " is missing", usage_line(line_));
      if (next != end) line_.arguments[std::string(argument.name)] = Words(next, end);
      next = end;
    }
    if (next != given_.end()) throw UsageProblem("not expected here: " + *next, usage_line(line_));
  }

  void check_choice(const std::string& key, std::string_view allowed) {
    if (allowed.find('|') == std::string_view::npos || allowed.find(' ') != std::string_view::npos) return;
    std::optional<std::string> given = line_.option(key);
    if (!given) return;
    std::string all = "|" + std::string(allowed) + "|";
    if (all.find("|" + *given + "|") == std::string::npos)
      throw UsageProblem("--" + key + ": \"" + *given + "\" is none of " + std::string(allowed));
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
  Words given_;
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
