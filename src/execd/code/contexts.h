// The code contexts of a sandbox: explicit ones, and one default context per language that is made by the
// first run without an id and reused by all that follow.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/executions.h"
#include "execd/reaper.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

struct ContextInfo {
  std::string id;  // UUID with dashes
  std::string language;
  std::string cwd;  // as asked for; empty: the default
};

class CodeContexts {
 public:
  struct Options {
    std::vector<std::string> env;  // "NAME=value", complete, of every context
    std::string cwd;               // working directory of contexts that name none; empty: "/"
    WorkerLimits limits;
    RunLimits run_limits;                     // of runs that do not ask for less
    std::vector<std::string> warm_languages;  // made ready before somebody asks; "*": all
  };
  static constexpr size_t kMaxContexts = 1000;
  static constexpr size_t kMaxCheckpoints = 16;  // of one context

  // `executions` outlives us.
  CodeContexts(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions, Options options);
  ~CodeContexts();  // ends all contexts
  CodeContexts(const CodeContexts&) = delete;

  // Throws Error: invalid for a language that is unknown or not built in, unsupported when the image lacks
  // it, invalid for an unusable directory or modules to preload that cannot be, exhausted when there are too
  // many.
  net::task<ContextInfo> create(std::string language, std::string cwd, std::vector<std::string> preload);
  std::optional<ContextInfo> find(std::string_view id) const;
  // In the order they were made; all languages when `language` is empty.
  std::vector<ContextInfo> list(std::string_view language) const;
  // False when there is none.
  net::task<bool> remove(std::string id);
  net::task<> remove_all(std::string language);

  // Starts an execution. With an empty id it runs in the default context of
  // `language`, else `language` does not matter. A context that is busy or dead answers inside the stream,
  // with an error event. The execution goes on when nobody reads its journal. Throws Error(not_found) for an
  // unknown id, and like create(). `time`: 0 means the default.
  net::task<std::shared_ptr<Execution>> run(std::string language, std::string id, std::string code,
                                            std::chrono::milliseconds time = {});
  // `id`: of a context, or of the execution that runs in one. False when there is no such thing. A context
  // that runs nothing is left alone.
  net::task<bool> interrupt(std::string id);

  // Copies of a context as it is now, with everything that it holds in memory. These three throw
  // Error(not_found) for an unknown context (CONTEXT_NOT_FOUND) or checkpoint (CHECKPOINT_NOT_FOUND),
  // conflict with code CONTEXT_NOT_FORKABLE when it cannot be copied now, exhausted beyond a limit.
  net::task<std::vector<ContextInfo>> fork(std::string id, size_t count);
  // Keeps a copy that runs nothing, until the context is deleted. Returns its id.
  net::task<std::string> checkpoint(std::string id);
  // The context becomes a copy of that one, whatever it has become since, dead included.
  net::task<ContextInfo> restore(std::string id, std::string checkpoint);
  // False when there is no such checkpoint.
  bool remove_checkpoint(std::string_view id, std::string_view checkpoint);

 private:
  // What a client is told to do when a process has died.
  static constexpr const char* kAfterDeath = "create a new context";
  static constexpr const char* kDefaultAfterDeath = "the next run without a context id starts afresh";

  struct Context {
    ContextInfo info;
    std::shared_ptr<Kernel> kernel;
    bool is_default = false;
    std::weak_ptr<Execution> latest;
    std::map<std::string, std::shared_ptr<Kernel>, std::less<>> checkpoints;
    bool restoring = false;
  };

  std::shared_ptr<Context> at(std::string_view id) const;
  KernelLauncher& launcher(const std::string& language) const;
  std::shared_ptr<Context> known(std::string_view id) const;
  net::task<std::shared_ptr<Context>> make(std::string language, std::string cwd,
                                           std::vector<std::string> preload, bool is_default);
  net::task<std::shared_ptr<Context>> default_context(std::string language);
  std::string directory(const std::string& wanted) const;
  void forget(Context& context);
  static std::shared_ptr<Kernel> living(const Context& context);

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  Executions& executions_;
  Options options_;
  std::map<std::string, std::unique_ptr<KernelLauncher>> launchers_;  // by language
  std::vector<std::shared_ptr<Context>> contexts_;
  // Shared with the requests that make contexts: they may be destroyed after us, together with the loop.
  struct Making {
    explicit Making(net::asio::any_io_executor executor) : ended(std::move(executor)) {}
    size_t contexts = 0;
    std::map<std::string, bool> defaults;  // by language
    net::Event ended;
  };
  std::shared_ptr<Making> making_;
};

}  // namespace osb::execd
