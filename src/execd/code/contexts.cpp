#include "execd/code/contexts.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/ids.h"
#include "execd/code/python_launcher.h"
#include "execd/environment.h"
#include "execd/event.h"
#include "execd/files/failure.h"

namespace osb::execd {
namespace {

// Languages that clients may name; those without a launcher are refused with a text of their own.
constexpr std::array<std::string_view, 6> kLanguages{"python",     "java", "javascript",
                                                     "typescript", "go",   "bash"};

void refuse(Journal& journal, std::string_view name, std::string_view why) {
  journal.append(status_event("error"));
  journal.append(error_event(name, why, {}));
  journal.close();
}

}  // namespace

CodeContexts::CodeContexts(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions,
                           Options options)
    : executor_(executor),
      reaper_(reaper),
      executions_(executions),
      options_(std::move(options)),
      making_(std::make_shared<Making>(executor)) {
  if (options_.cwd.empty()) options_.cwd = "/";
  auto is_warm = [&](std::string_view language) {
    return std::ranges::any_of(options_.warm_languages,
                               [&](const std::string& name) { return name == "*" || name == language; });
  };
  launchers_["python"] =
      std::make_unique<PythonLauncher>(executor, reaper, options_.env, options_.limits, is_warm("python"));
  for (auto& [language, launcher] : launchers_)
    if (is_warm(language)) launcher->warm_up(options_.cwd);
}

CodeContexts::~CodeContexts() {
  for (const auto& context : contexts_) {
    context->kernel->kill();
    for (const auto& [id, kernel] : context->checkpoints) kernel->kill();
  }
}

KernelLauncher& CodeContexts::launcher(const std::string& language) const {
  auto found = launchers_.find(language);
  if (found != launchers_.end()) return *found->second;
  if (language.empty()) throw Error(ErrorCode::invalid, "language: required");
  if (std::find(kLanguages.begin(), kLanguages.end(), language) != kLanguages.end())
    throw Error(ErrorCode::invalid, "language " + language + " is not available in this build",
                "NOT_SUPPORTED");
  throw Error(ErrorCode::invalid, "unknown language: " + language);
}

// The absolute directory of a context, with `~` and variables as in a command's, made if it is missing.
std::string CodeContexts::directory(const std::string& wanted) const {
  if (wanted.find('\0') != std::string::npos)
    throw Error(ErrorCode::invalid, "making the working directory: its path cannot hold NUL");
  std::filesystem::path path =
      wanted.empty() ? options_.cwd : expand_path(wanted, from_strings(options_.env));
  if (path.is_relative()) path = std::filesystem::path(options_.cwd) / path;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && !std::filesystem::is_directory(path, error))
    error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw directory_error(path.string(), error.value());
  return path.lexically_normal().string();
}

net::task<std::shared_ptr<CodeContexts::Context>> CodeContexts::make(std::string language, std::string cwd,
                                                                     std::vector<std::string> preload,
                                                                     bool is_default) {
  KernelLauncher& start = launcher(language);
  if (contexts_.size() + making_->contexts >= kMaxContexts)
    throw Error(ErrorCode::exhausted,
                "creating a context: there are " + std::to_string(kMaxContexts) + " already");
  std::string where = directory(cwd);
  ++making_->contexts;
  Defer made([making = making_] { --making->contexts; });
  auto context = std::make_shared<Context>();
  context->info = {new_uuid(), std::move(language), std::move(cwd)};
  context->is_default = is_default;
  std::string after_death = is_default ? kDefaultAfterDeath : kAfterDeath;
  if (preload.empty())
    context->kernel = co_await start.launch(std::move(where), std::move(after_death));
  else
    context->kernel =
        co_await start.launch_with(std::move(where), std::move(after_death), std::move(preload));
  contexts_.push_back(context);
  co_return context;
}

net::task<ContextInfo> CodeContexts::create(std::string language, std::string cwd,
                                            std::vector<std::string> preload) {
  auto context = co_await make(std::move(language), std::move(cwd), std::move(preload), false);
  co_return context->info;
}

net::task<std::shared_ptr<CodeContexts::Context>> CodeContexts::default_context(std::string language) {
  launcher(language);  // refuses before anything waits
  while (making_->defaults[language]) co_await making_->ended.wait();
  for (const auto& context : contexts_) {
    if (!context->is_default || context->info.language != language) continue;
    if (!context->kernel->ended()) co_return context;
    forget(*context);
    break;
  }
  making_->defaults[language] = true;
  Defer made([making = making_, language] {
    making->defaults[language] = false;
    making->ended.notify();
  });
  co_return co_await make(language, {}, {}, true);
}

std::shared_ptr<CodeContexts::Context> CodeContexts::at(std::string_view id) const {
  for (const auto& context : contexts_)
    if (context->info.id == id) return context;
  return nullptr;
}

std::shared_ptr<CodeContexts::Context> CodeContexts::known(std::string_view id) const {
  if (auto context = at(id)) return context;
  throw Error(ErrorCode::not_found, "context " + std::string(id) + " not found", "CONTEXT_NOT_FOUND");
}

std::optional<ContextInfo> CodeContexts::find(std::string_view id) const {
  auto context = at(id);
  return context ? std::optional(context->info) : std::nullopt;
}

std::vector<ContextInfo> CodeContexts::list(std::string_view language) const {
  std::vector<ContextInfo> infos;
  for (const auto& context : contexts_)
    if (language.empty() || context->info.language == language) infos.push_back(context->info);
  return infos;
}

void CodeContexts::forget(Context& context) {
  for (const auto& [id, kernel] : context.checkpoints) kernel->kill();
  context.checkpoints.clear();
  std::erase_if(contexts_, [&](const auto& other) { return other.get() == &context; });
}

net::task<bool> CodeContexts::remove(std::string id) {
  auto context = at(id);
  if (!context) co_return false;
  forget(*context);
  co_await context->kernel->end();
  co_return true;
}

net::task<> CodeContexts::remove_all(std::string language) {
  for (const ContextInfo& info : list(language)) co_await remove(info.id);
}

net::task<std::shared_ptr<Execution>> CodeContexts::run(std::string language, std::string id,
                                                        std::string code, std::chrono::milliseconds time) {
  std::shared_ptr<Context> context = id.empty() ? co_await default_context(language) : known(id);
  std::shared_ptr<Execution> execution = executions_.begin(new_hex_id(), "run_code");
  Journal& journal = *execution->journal;
  journal.append(init_event(context->info.id, execution->id));
  if (auto how = context->kernel->ended()) {
    refuse(journal, "KernelDied",
           "the process of the context ended earlier (" + *how + "); create a new context");
  } else if (context->kernel->busy() || context->restoring) {
    refuse(journal, "ContextBusy", "session is busy: the context runs other code, try again when it is done");
  } else {
    context->latest = execution;
    RunLimits limits = options_.run_limits;
    if (time.count() > 0 && (limits.time.count() == 0 || time < limits.time)) limits.time = time;
    context->kernel->execute(std::move(code), execution->journal, limits);
  }
  co_return execution;
}

net::task<bool> CodeContexts::interrupt(std::string id) {
  auto context = at(id);
  for (const auto& other : contexts_)
    if (auto latest = other->latest.lock();
        !context && latest && latest->id == id && !latest->journal->closed())
      context = other;
  if (context) context->kernel->interrupt();
  co_return context != nullptr;
}

}  // namespace osb::execd
