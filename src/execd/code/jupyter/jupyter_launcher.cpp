#include "execd/code/jupyter/jupyter_launcher.h"

#include <fcntl.h>
#include <signal.h>

#include <chrono>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "execd/code/jupyter/connection_file.h"
#include "execd/code/jupyter/jupyter_kernel.h"
#include "execd/code/output_pipe.h"

namespace osb::execd {
namespace {

// Set by whoever starts kernels in a notebook; none of it is true of this one.
constexpr const char* kNotebookVariables[] = {"JPY_PARENT_PID", "JPY_SESSION_NAME", "JPY_INTERRUPT_EVENT"};

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

Environment kernel_environment(const Kernelspec& spec, const Environment& base, const std::string& cwd) {
  Environment env = base;
  for (const auto& [name, value] : spec.env) env[name] = fill_template(value, base);
  for (const char* name : kNotebookVariables) env.erase(name);
  env["PWD"] = cwd;
  return env;
}

sys::ChildSpec child_spec(const Kernelspec& kernel, const Environment& env, const std::string& cwd,
                          const std::string& connection_file, const WorkerLimits& limits) {
  sys::ChildSpec spec;
  for (const std::string& argument : kernel.argv)
    spec.argv.push_back(replace_all(replace_all(argument, "{connection_file}", connection_file),
                                    "{resource_dir}", kernel.directory));
  spec.program = spec.argv[0];
  spec.env = to_strings(kernel_environment(kernel, env, cwd));
  spec.cwd = cwd;
  spec.new_session = true;
  spec.ends_with_us = true;
  spec.oom_score_adj = limits.oom_score_adj;
  spec.open_files = limits.open_files;
  return spec;
}

}  // namespace

struct JupyterLauncher::State {
  static net::task<std::shared_ptr<JupyterKernel>> try_start(std::shared_ptr<State> self,
                                                             KernelTransport transport, std::string cwd,
                                                             std::string after_death, bool* may_be_transport);
  std::shared_ptr<JupyterKernel> start(KernelTransport transport, const std::string& cwd,
                                       std::string after_death);

  net::asio::any_io_executor executor;
  Reaper& reaper;
  Kernelspec spec;
  Environment env;
  WorkerLimits limits;
  bool closed = false;
  KernelTransport transport = KernelTransport::ipc;
};

JupyterLauncher::JupyterLauncher(net::asio::any_io_executor executor, Reaper& reaper, Kernelspec spec,
                                 Environment env, WorkerLimits limits)
    : state_(std::make_shared<State>(State{executor, reaper, std::move(spec), std::move(env), limits})) {}

JupyterLauncher::~JupyterLauncher() { state_->closed = true; }

const Kernelspec& JupyterLauncher::spec() const { return state_->spec; }

std::shared_ptr<JupyterKernel> JupyterLauncher::State::start(KernelTransport over, const std::string& cwd,
                                                             std::string after_death) {
  auto connection = std::make_unique<ConnectionFile>(over, spec.name);
  Pipe output = make_output_pipe(), errors = make_output_pipe();
  sys::ChildSpec child = child_spec(spec, env, cwd, connection->path(), limits);
  child.fds = {{1, output.write.get()}, {2, errors.write.get()}};
  struct Started {
    pid_t pid = -1;
    std::weak_ptr<JupyterKernel> kernel;
  };
  auto started = std::make_shared<Started>();
  pid_t pid = reaper
                  .start(child,
                         [started](sys::ExitStatus status) {
                           // What it started in its group goes with it. Nobody else gets the number while
                           // one of them lives.
                           if (started->pid > 0) ::kill(-started->pid, SIGKILL);
                           if (auto kernel = started->kernel.lock()) kernel->exited(status);
                         })
                  .pid;
  started->pid = pid;
  auto kernel = JupyterKernel::start(
      executor, {pid, std::move(output.read), std::move(errors.read), spec.interrupt_by_message},
      std::move(connection), std::move(after_death));
  started->kernel = kernel;
  return kernel;
}

// `may_be_transport`: when it throws, another transport is worth a try.
net::task<std::shared_ptr<JupyterKernel>> JupyterLauncher::State::try_start(std::shared_ptr<State> self,
                                                                            KernelTransport transport,
                                                                            std::string cwd,
                                                                            std::string after_death,
                                                                            bool* may_be_transport) {
  *may_be_transport = false;
  std::shared_ptr<JupyterKernel> kernel;
  try {
    kernel = self->start(transport, cwd, std::move(after_death));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::unsupported, "the kernel of language " + self->spec.language +
                                            " cannot be started (" + error.message() + ")");
  }
  Defer give_up([&kernel] { kernel->kill(); });
  try {
    co_await kernel->ready(self->limits.start_time);
  } catch (const Error& error) {
    *may_be_transport = error.code() == ErrorCode::unavailable || !kernel->listens();
    throw;
  }
  give_up.dismiss();
  co_return kernel;
}

net::task<std::shared_ptr<Kernel>> JupyterLauncher::launch(std::string cwd, std::string after_death) {
  auto state = state_;
  std::shared_ptr<JupyterKernel> kernel;
  bool try_other = false;
  try {
    kernel = co_await State::try_start(state, state->transport, cwd, after_death, &try_other);
  } catch (const Error& error) {
    if (!try_other || state->closed || state->transport == KernelTransport::tcp) throw;
    log_warn("a kernel did not start with sockets in a directory, it gets ports",
             {{"kernel", state->spec.name}, {"error", error.message()}});
  }
  if (!kernel) {
    kernel = co_await State::try_start(state, KernelTransport::tcp, cwd, after_death, &try_other);
    state->transport = KernelTransport::tcp;
  }
  if (state->closed) {
    kernel->kill();
    throw Error(ErrorCode::unavailable, "starting a context: the sandbox ends");
  }
  log_info("kernel started", {{"kernel", state->spec.name}, {"implementation", kernel->implementation()}});
  co_return kernel;
}

}  // namespace osb::execd
