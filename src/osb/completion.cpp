#include "osb/completion.h"

#include <algorithm>

namespace osb::cli {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Where on the line the last word stands.
struct Place {
  const Command* command = nullptr;
  const Option* option = nullptr;  // whose value it is
  size_t arguments = 0;            // that came before
  bool remote = false;             // behind --
};

Option output_option(const Command& command) {
  return {"-o,--output", command.outputs, "Format of the answer"};
}

std::vector<Option> options_of(const Command& command) {
  std::vector<Option> all(command.options.begin(), command.options.end());
  if (!command.outputs.empty()) all.push_back(output_option(command));
  all.insert(all.end(), global_options().begin(), global_options().end());
  return all;
}

class Scan {
 public:
  Scan(const Command& root, const std::vector<std::string>& words) {
    enter(root);
    for (size_t i = 0; i + 1 < words.size(); ++i) step(words[i]);
  }

  Place place;
  std::vector<Option> options;

 private:
  void enter(const Command& command) {
    place.command = &command;
    options = options_of(command);
  }

  const Option* named(std::string_view word) const {
    for (const Option& option : options)
      for (std::string_view name : split(option.names, ','))
        if (name == word) return &option;
    return nullptr;
  }

  void step(const std::string& word) {
    if (place.remote) return;
    if (place.option) {
      place.option = nullptr;
    } else if (word == "--") {
      place.remote = true;
    } else if (word.size() > 1 && word[0] == '-') {
      const Option* option = named(word);
      if (option && !option->value.empty()) place.option = option;
    } else if (const Command* child = find_child(*place.command, word)) {
      enter(*child);
    } else {
      ++place.arguments;
    }
  }
};

const Argument* argument_at(const Command& command, size_t index) {
  if (command.arguments.empty()) return nullptr;
  const Argument& last = command.arguments.back();
  if (index < command.arguments.size()) return &command.arguments[index];
  return last.count == Count::some || last.count == Count::any ? &last : nullptr;
}

void add_value(Completion& out, const Option& option) {
  if (option.value.find('|') != std::string_view::npos) {
    for (std::string_view choice : split(option.value, '|'))
      out.candidates.push_back({std::string(choice), ""});
  } else {
    out.files = option.value == "FILE" || option.value == "DIR";
  }
}

void add_argument(Completion& out, const Argument& argument, const SandboxIds& sandboxes) {
  for (std::string_view name : split(argument.name, '|')) {
    if (name[0] >= 'a' && name[0] <= 'z')
      out.candidates.push_back({std::string(name), ""});  // to be typed so
    if (name == "SANDBOX") out.candidates = sandboxes();
    if (name == "LOCAL" || name == "FILE" || name == "SOURCE" || name == "DESTINATION") out.files = true;
  }
}

void add_options(Completion& out, const std::vector<Option>& options) {
  for (const Option& option : options)
    for (std::string_view name : split(option.names, ','))
      if (name.starts_with("--")) out.candidates.push_back({std::string(name), std::string(option.help)});
}

}  // namespace

Completion complete(const Command& root, const std::vector<std::string>& words, const SandboxIds& sandboxes) {
  Completion out;
  if (words.empty()) return out;
  Scan scan(root, words);
  const std::string& word = words.back();
  if (scan.place.remote) {
    out.files = true;
  } else if (scan.place.option) {
    add_value(out, *scan.place.option);
  } else if (word.starts_with("-")) {
    add_options(out, scan.options);
  } else {
    for (const Command* child : scan.place.command->children)
      if (!child->hidden && scan.place.arguments == 0)
        out.candidates.push_back({std::string(child->name), std::string(child->summary)});
    if (const Argument* argument = argument_at(*scan.place.command, scan.place.arguments))
      add_argument(out, *argument, sandboxes);
  }
  std::erase_if(out.candidates, [&](const Candidate& each) { return !each.word.starts_with(word); });
  return out;
}

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash")
    return R"(# bash completion of osb:  source <(osb completion bash)
_osb() {
  local IFS=$'\n' line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while read -r line; do
    if [ "$line" = ':files' ]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY+=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
}
complete -F _osb osb
)";
  if (shell == "zsh")
    return R"(#compdef osb
# zsh completion of osb:  osb completion zsh > "${fpath[1]}/_osb"
_osb() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      _files
    else
      found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#found} )) && _describe 'osb' found
}
if [ "${funcstack[1]}" = '_osb' ]; then _osb "$@"; else compdef _osb osb; fi
)";
  return R"(# fish completion of osb:  osb completion fish > ~/.config/fish/completions/osb.fish
function __osb_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    if test "$line" = ':files'
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c osb -f -a '(__osb_complete)'
)";
}

}  // namespace osb::cli
