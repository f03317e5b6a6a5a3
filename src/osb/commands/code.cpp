// osb code: code in a context that keeps its state.
#include <unistd.h>

#include "osb/code_run.h"
#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/duration_words.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

// By the name of the file, where no language is named.
std::string language_of(const std::string& path) {
  static constexpr std::pair<std::string_view, const char*> kEndings[] = {
      {".py", "python"},     {".sh", "bash"}, {".js", "javascript"}, {".mjs", "javascript"},
      {".ts", "typescript"}, {".go", "go"},   {".java", "java"}};
  for (const auto& [ending, language] : kEndings)
    if (path.ends_with(ending)) return language;
  return "python";
}

// A context of our own, which goes with us.
class Context {
 public:
  Context(const opensandbox::Codes& codes, const std::string& language, const std::string& directory)
      : codes_(codes), id_(codes.create_context(language, {.working_directory = directory}).id) {}
  ~Context() {
    try {
      codes_.delete_context(id_);
    } catch (const std::exception&) {  // it goes with the sandbox
    }
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  const std::string& id() const { return id_; }

 private:
  opensandbox::Codes codes_;
  std::string id_;
};

std::string history_path(const std::string& language) {
  std::optional<std::string> home = process_environment()("HOME");
  return home && !home->empty() ? *home + "/.opensandbox/history-" + language : std::string();
}

int code(Invocation& run) {
  std::string file = run.argument("FILE");
  std::optional<std::string> text = run.option("code");
  if (text && !file.empty()) throw UsageProblem("--code and FILE exclude each other");
  opensandbox::CodeOptions options{.language = run.option("language").value_or(language_of(file)),
                                   .context_id = run.option("context").value_or("")};
  if (auto limit = run.option("timeout")) options.timeout = read_duration("--timeout", *limit);
  bool conversation = !text && file.empty() && ::isatty(STDIN_FILENO);
  if (!text && !conversation) text = read_file(file.empty() ? "-" : file);
  opensandbox::Codes codes = open_sandbox(run).codes();
  std::optional<Context> own;
  if (options.context_id.empty()) {
    own.emplace(codes, options.language, run.option("workdir").value_or(""));
    options.context_id = own->id();
  }
  return conversation ? converse(codes, options, history_path(options.language))
                      : run_code(codes, *text, options);
}

constexpr Argument kArguments[] = {
    {"SANDBOX", "Id of the sandbox"},
    {"FILE", "Code to run; - or a pipe: standard input; else a conversation", Count::optional}};
constexpr Option kOptions[] = {
    {"-c,--code", "TEXT", "Code to run"},
    {"-l,--language", "LANGUAGE",
     "python, bash, javascript, typescript, go, java (default: by FILE's name, else python)"},
    {"--context", "ID", "A context that is there; default: a new one, which goes with the command"},
    {"-w,--workdir", "DIR", "Where a new context begins"},
    {"-t,--timeout", "DURATION", "The code is interrupted after that time"}};

}  // namespace

const Command kCodeCommand{.name = "code",
                           .summary = "Run code, or talk to an interpreter line by line",
                           .details =
                               "  osb code SANDBOX -c '6 * 7'\n"
                               "  osb code SANDBOX plot.py\n"
                               "  osb code SANDBOX -l javascript      # a conversation; Ctrl-D ends it",
                           .arguments = kArguments,
                           .options = kOptions,
                           .run = code,
                           .passes_exit_code = true};

}  // namespace osb::cli
