#include "execd/services.h"

#include <utility>

#include "execd/code/code_routes.h"
#include "execd/code/code_settings.h"
#include "execd/execution_routes.h"
#include "execd/files/file_routes.h"
#include "execd/isolated_routes.h"
#include "execd/pty/pty_routes.h"
#include "execd/session/session_routes.h"

namespace osb::execd {
namespace {

// Code runs under the same conditions as commands.
CodeContexts::Options code_options(const CommandDefaults& commands) {
  CodeContexts::Options options{
      to_strings(commands.environment), commands.cwd, {commands.oom_score_adj, commands.open_files}, {}, {}};
  options.run_limits = default_run_limits(commands.environment);
  options.warm_languages = warm_languages(commands.environment);
  return options;
}

}  // namespace

Services::Services(net::asio::any_io_executor executor, Reaper& reaper, const DaemonOptions& options,
                   std::function<uint16_t()> own_port)
    : options_(options),
      executions_(executor, options_.executions),
      retries_(executor, executions_),
      commands_(executor, reaper, executions_),
      sessions_(executor, reaper, executions_, options_.commands),
      contexts_(executor, reaper, executions_, code_options(options_.commands)),
      ptys_(executor, reaper, {options_.commands, options_.pty}),
      metrics_(executor, options_.metrics),
      telemetry_(metrics_, options_.metric_attributes),
      proxy_(executor, std::move(own_port)) {
  register_routes();
  executions_.observe([this](const std::string& operation, bool success, std::chrono::microseconds took) {
    telemetry_.instruments().execution(operation, success, took);
  });
}

// What is still running ends with its service, when the metrics are gone already.
Services::~Services() { executions_.observe(nullptr); }

void Services::register_routes() {
  CommandServiceOptions shell{options_.commands, options_.strip_line_terminators};
  add_command_routes(router_, commands_, retries_, shell);
  add_file_routes(router_, executions_, {options_.commands.cwd, options_.commands.environment});
  add_pty_routes(router_, ptys_, retries_);
  add_metrics_routes(router_, metrics_);
  add_telemetry_routes(router_, telemetry_);
  add_proxy_routes(router_, proxy_);
  add_isolated_routes(router_);
  add_code_routes(
      router_, contexts_, retries_,
      [this, shell](const http::Request& request, std::string code, bool background) {
        return start_shell_command(commands_, shell, request, std::move(code), background);
      },
      [this](std::string id) { return commands_.interrupt(std::move(id)); });
  add_resume_routes(router_, executions_);
  commands_.add_interrupter([this](std::string id) { return contexts_.interrupt(std::move(id)); });
  commands_.add_interrupter([this](std::string id) { return sessions_.interrupt(std::move(id)); });
  add_session_routes(router_, sessions_, retries_, options_.strip_line_terminators);
}

}  // namespace osb::execd
