#include "execd/code/bash_launcher.h"

#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "execd/environment.h"
#include "execd/event.h"
#include "execd/session/session.h"

namespace osb::execd {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};  // for what SIGINT does not end

class BashKernel : public Kernel {
 public:
  BashKernel(net::asio::any_io_executor executor, std::shared_ptr<const CommandDefaults> defaults,
             std::shared_ptr<Session> session)
      : executor_(std::move(executor)), defaults_(std::move(defaults)), session_(std::move(session)) {}
  ~BashKernel() override { kill(); }

  std::optional<std::string> ended() const override { return ended_; }
  bool busy() const override { return session_->busy(); }

  void execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits) override {
    if (code.find('\0') != std::string::npos) {
      events->append(status_event("error"));
      events->append(error_event("CommandExecError", "the code holds NUL", {"the code holds NUL"}));
      return events->close();
    }
    SessionRun run;
    run.command = std::move(code);
    run.execution = std::make_shared<Execution>(Execution{new_hex_id(), std::move(events)});
    run.of_context = true;
    run.timeout = limits.time;
    run.allowance = OutputAllowance(limits.output_bytes);
    latest_ = run.execution->id;
    session_->run(std::move(run));
  }
  void interrupt() override {
    if (busy()) net::spawn(executor_, "bash interrupt", stop(defaults_, session_, latest_));
  }
  net::task<> end() override {
    ended_ = "the context was deleted";
    co_await stop(defaults_, session_, {});
  }
  void kill() override {
    if (!ended_) ended_ = "killed";
    session_->kill();
  }

 private:
  // The session looks at its defaults as long as it works.
  static net::task<> stop(std::shared_ptr<const CommandDefaults> defaults, std::shared_ptr<Session> session,
                          std::string run) {
    if (run.empty())
      co_await session->close();
    else
      co_await session->interrupt(run, kPatience);
  }

  net::asio::any_io_executor executor_;
  std::shared_ptr<const CommandDefaults> defaults_;
  std::shared_ptr<Session> session_;
  std::string latest_;
  std::optional<std::string> ended_;
};

CommandDefaults defaults_of(const std::vector<std::string>& env, const WorkerLimits& limits) {
  CommandDefaults out;
  out.environment = from_strings(env);
  // Every context has the same environment: nothing that another one wrote into that file.
  out.environment.erase(std::string(kEnvFileVariable));
  out.oom_score_adj = limits.oom_score_adj;
  out.open_files = limits.open_files;
  return out;
}

}  // namespace

BashLauncher::BashLauncher(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> env,
                           WorkerLimits limits)
    : executor_(std::move(executor)),
      reaper_(reaper),
      defaults_(std::make_shared<CommandDefaults>(defaults_of(env, limits))) {}

net::task<std::shared_ptr<Kernel>> BashLauncher::launch(std::string cwd, std::string) {
  if (!find_shell(defaults_->environment).ends_with("/bash"))
    throw Error(ErrorCode::unsupported, "language bash is not available in this image (no program bash)");
  auto session = std::make_shared<Session>(executor_, reaper_, *defaults_, new_uuid(), std::move(cwd));
  session->open();
  co_return std::make_shared<BashKernel>(executor_, defaults_, std::move(session));
}

}  // namespace osb::execd
