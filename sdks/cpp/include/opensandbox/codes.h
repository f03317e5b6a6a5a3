// Code in contexts that keep their state: Python, Bash, JavaScript, TypeScript, Go, Java, and what kernels a
// sandbox has.
#pragma once

#include <opensandbox/execution.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace opensandbox {

namespace detail {
struct Link;
}

/// Where code runs and keeps its variables.
struct CodeContext {
  std::string id;
  std::string language;
  std::string working_directory;  ///< only of one that was just made
};

/// Where code is run.
struct CodeOptions {
  std::string language = {};    ///< default: that of the context, else "python"
  std::string context_id = {};  ///< default: the default context of the language, which keeps its state, too
  std::optional<Milliseconds> timeout = {};  ///< then it is interrupted; default: that of the sandbox
};

/// A context to be made.
struct ContextOptions {
  std::string working_directory = {};     ///< made if it is missing; default: the daemon's
  std::vector<std::string> preload = {};  ///< Python modules that are imported ahead
};

/// Runs code; `sandbox.codes()`. A light handle, to be copied freely. Thread-safe. Throws Error as Commands
/// does.
///
///     auto run = sandbox.codes().run("print('hi')\n6 * 7");
///     run.stdout_text();      // "hi\n"
///     run.results[0].text;    // "42"
class Codes {
 public:
  /// Run code and wait until it has ended. Errors of the code are in Execution::error, not thrown.
  Execution run(const std::string& code, const CodeOptions& options = {}, const Handlers& handlers = {},
                std::stop_token stop = {}) const;
  /// Follow a run that another call has begun; see Commands::resume.
  Execution resume(const std::string& execution_id, uint64_t after = 0, const Handlers& handlers = {},
                   std::stop_token stop = {}) const;
  /// End what runs: an execution by its id, or whatever runs in the context of that id, which keeps its
  /// state.
  void interrupt(const std::string& id, std::stop_token stop = {}) const;

  CodeContext create_context(const std::string& language, const ContextOptions& options = {},
                             std::stop_token stop = {}) const;
  CodeContext context(const std::string& id, std::stop_token stop = {}) const;
  /// Those of a language; all if it is empty.
  std::vector<CodeContext> contexts(const std::string& language = {}, std::stop_token stop = {}) const;
  void delete_context(const std::string& id, std::stop_token stop = {}) const;
  /// End all contexts of a language.
  void delete_contexts(const std::string& language, std::stop_token stop = {}) const;

  /// Copies of an idle context with all its state, which then go their own ways. Python only; conflict says
  /// why not.
  std::vector<CodeContext> fork(const std::string& context_id, int count = 1,
                                std::stop_token stop = {}) const;
  /// Keep the state of a context; gives an id for restore().
  std::string checkpoint(const std::string& context_id, std::stop_token stop = {}) const;
  /// Give a context the state that it had at a checkpoint, which stays.
  void restore(const std::string& context_id, const std::string& checkpoint_id,
               std::stop_token stop = {}) const;
  void delete_checkpoint(const std::string& context_id, const std::string& checkpoint_id,
                         std::stop_token stop = {}) const;

  explicit Codes(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
