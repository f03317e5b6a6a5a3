#include "osb/code_run.h"

#include <unistd.h>

#include <fstream>
#include <optional>

#include "osb/config_file.h"
#include "osb/edited_line.h"
#include "osb/interrupts.h"
#include "osb/output.h"
#include "osb/problem.h"
#include "osb/raw_terminal.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

using opensandbox::CodeOptions;
using opensandbox::Codes;

void print_line(int descriptor, const std::string& text) {
  if (!text.empty()) write_all(descriptor, text.back() == '\n' ? text : text + "\n");
}

opensandbox::Handlers handlers() {
  opensandbox::Handlers out;
  out.keep_output = false;
  out.on_stdout = [](const opensandbox::Output& piece) { write_all(STDOUT_FILENO, piece.text); };
  out.on_stderr = [](const opensandbox::Output& piece) { write_all(STDERR_FILENO, piece.text); };
  out.on_result = [](const opensandbox::CodeResult& result) { print_line(STDOUT_FILENO, result.text); };
  out.on_error = [](const opensandbox::ExecutionError& error) {
    std::string text;
    for (const std::string& line : error.traceback) text += line + (line.ends_with("\n") ? "" : "\n");
    print_line(STDERR_FILENO, text.empty() ? error.name + ": " + error.value : text);
  };
  return out;
}

// The prompt and the line on the last row of the terminal; a line that is too long shows its part at the
// cursor.
void draw(const std::string& prompt, const EditedLine& line) {
  auto columns = static_cast<size_t>(screen_size(STDOUT_FILENO).columns);
  size_t room = columns > prompt.size() + 1 ? columns - prompt.size() - 1 : 1;
  std::string before = line.text().substr(0, line.cursor()), after = line.text().substr(line.cursor());
  while (text_width(before) > room) {
    size_t next = 1;
    while (next < before.size() && (before[next] & 0xc0) == 0x80) ++next;
    before.erase(0, next);
  }
  size_t at = prompt.size() + text_width(before);
  std::string shown = before + shorten(after, room - text_width(before));
  write_all(STDOUT_FILENO,
            "\r\x1b[K" + prompt + shown + "\r" + (at ? "\x1b[" + std::to_string(at) + "C" : ""));
}

// One line from the terminal; nullopt at its end. Ctrl-C gives an empty line and sets `interrupted`.
class StatementReader {
 public:
  explicit StatementReader(EditedLine& line) : line_(line) {}

  std::optional<std::string> read(const std::string& prompt, bool& interrupted) {
    RawTerminal raw(STDIN_FILENO);
    interrupted = false;
    draw(prompt, line_);
    while (true) {
      std::string_view input = pending_;
      EditedLine::Event event = line_.take(input);
      bool stuck = input.size() == pending_.size();
      pending_.erase(0, pending_.size() - input.size());
      if (event != EditedLine::Event::none) {
        draw(prompt, line_);
        return finish(event, interrupted);
      }
      if (!stuck) continue;
      draw(prompt, line_);
      char buffer[256];
      ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
      if (count <= 0) return finish(EditedLine::Event::ended, interrupted);
      pending_.append(buffer, static_cast<size_t>(count));
    }
  }

 private:
  std::optional<std::string> finish(EditedLine::Event event, bool& interrupted) {
    write_all(STDOUT_FILENO, event == EditedLine::Event::interrupted ? "^C\r\n" : "\r\n");
    interrupted = event == EditedLine::Event::interrupted;
    std::string text = line_.text();
    line_.next(event == EditedLine::Event::accepted ? text : "");
    if (event == EditedLine::Event::ended) return std::nullopt;
    return interrupted ? std::string() : text;
  }

  EditedLine& line_;
  std::string pending_;
};

std::vector<std::string> read_history(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void keep_history(const std::string& path, const EditedLine& line) {
  std::string text;
  for (const std::string& each : line.history()) text += each + "\n";
  try {
    write_config(path, text);
  } catch (const Problem&) {  // a home that cannot be written to is no reason to fail
  }
}

// A statement: lines until it is complete. nullopt at the end of input.
std::optional<std::string> read_statement(StatementReader& reader, const std::string& language) {
  std::string text;
  while (true) {
    bool interrupted = false;
    std::optional<std::string> line = reader.read(text.empty() ? language + "> " : "... ", interrupted);
    if (!line) return std::nullopt;
    if (interrupted) return std::string();
    if (text.empty() && line->empty()) return std::string();
    bool begun = !text.empty();
    text += *line + "\n";
    if (begun && line->empty()) return text;
    if (!goes_on(text, language)) return text;
  }
}

}  // namespace

bool goes_on(std::string_view text, std::string_view language) {
  int open = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote) {
      if (c == '\\') ++i;
      if (c == quote || c == '\n') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (language == "python" || language == "bash")) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '(' || c == '[' || c == '{') {
      ++open;
    } else if (c == ')' || c == ']' || c == '}') {
      --open;
    }
  }
  if (open > 0) return true;
  size_t end = text.find_last_not_of(" \t\n");
  if (end == std::string_view::npos) return false;
  if (text[end] == '\\' || (language == "python" && text[end] == ':')) return true;
  size_t last_line = text.rfind('\n', end);
  bool indented = last_line != std::string_view::npos && last_line + 1 < text.size() &&
                  (text[last_line + 1] == ' ' || text[last_line + 1] == '\t');
  return language == "python" && (indented || text.starts_with("@"));
}

int run_code(const Codes& codes, const std::string& code, const CodeOptions& options) {
  std::string context = options.context_id;
  Interrupts interrupts([&] {
    try {
      if (!context.empty()) codes.interrupt(context);
    } catch (const opensandbox::Error&) {  // it has ended by itself, or a second Ctrl-C has to do
    }
  });
  try {
    opensandbox::Execution done = codes.run(code, options, handlers(), interrupts.token());
    if (interrupts.happened()) return kExitInterrupted;
    return done.error ? kExitFailure : 0;
  } catch (const opensandbox::Error&) {
    if (interrupts.happened()) return kExitInterrupted;
    throw;
  }
}

int converse(const Codes& codes, const CodeOptions& options, const std::string& history_file) {
  // Also while code runs: what is typed ahead, Ctrl-D included, must reach the next line as it is.
  RawTerminal quiet(STDIN_FILENO, Keys::no_signals);
  EditedLine line(read_history(history_file));
  StatementReader reader(line);
  std::string language = options.language.empty() ? "python" : options.language;
  while (std::optional<std::string> statement = read_statement(reader, language))
    if (!statement->empty()) run_code(codes, *statement, options);
  if (!history_file.empty()) keep_history(history_file, line);
  return 0;
}

}  // namespace osb::cli
