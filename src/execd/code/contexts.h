// The code contexts of a sandbox: explicit ones, and one default context per language that is made by the
// first run without an id and reused by all that follow.
#pragma once

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

class JupyterGuests;

class CodeContexts {
 public:
  struct Options {
    std::vector<std::string> env;  // "NAME=value", complete, of every context
    std::string cwd;               // working directory of contexts that name none; empty: "/"
    WorkerLimits limits;
  };

  // `executions` outlives us.
  CodeContexts(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions, Options options);
  ~CodeContexts();  // ends all contexts
  CodeContexts(const CodeContexts&) = delete;

  // A language without a worker of ours may have a Jupyter kernel in the image. Throws Error: invalid for one
  // that has neither or is not built in, unsupported when the image lacks
  // it, invalid for an unusable directory, exhausted when there are too many.
  net::task<ContextInfo> create(std::string language, std::string cwd);
  std::optional<ContextInfo> find(std::string_view id) const;
  // In the order they were made; all languages when `language` is empty.
  std::vector<ContextInfo> list(std::string_view language) const;
  // False when there is none.
  net::task<bool> remove(std::string id);
  net::task<> remove_all(std::string language);

  // Starts an execution. With an empty id it runs in the default context of
  // `language`, else `language` does not matter. A context that is busy or dead answers inside the stream,
  // with an error event. The execution goes on when nobody reads its journal. Throws Error(not_found) for an
  // unknown id, and like create().
  net::task<std::shared_ptr<Execution>> run(std::string language, std::string id, std::string code);
  // `id`: of a context, or of the execution that runs in one. False when there is no such thing. A context
  // that runs nothing is left alone.
  net::task<bool> interrupt(std::string id);

 private:
  struct Context {
    ContextInfo info;
    std::shared_ptr<Kernel> kernel;
    bool is_default = false;
    std::weak_ptr<Execution> latest;
  };

  std::shared_ptr<Context> at(std::string_view id) const;
  KernelLauncher& launcher(const std::string& language) const;
  std::string languages() const;  // all that may be asked for, as a list for people
  net::task<std::shared_ptr<Context>> make(std::string language, std::string cwd, bool is_default);
  net::task<std::shared_ptr<Context>> default_context(std::string language);
  std::string directory(const std::string& wanted) const;
  void forget(const Context& context);

  net::asio::any_io_executor executor_;
  Executions& executions_;
  Options options_;
  std::map<std::string, std::unique_ptr<KernelLauncher>> launchers_;  // by language
  std::unique_ptr<JupyterGuests> guests_;                             // further languages
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
