// `opensandbox server`: does as root what only root can do (state directory, launcher), then becomes the
// state directory's own user and serves.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "launcher/privileges.h"
#include "launcher/state_directory.h"
#include "launcher/supervisor.h"
#include "runtime/native/native_runtime.h"
#include "server/config.h"
#include "server/run.h"

namespace osb {

namespace {

struct ServerFlags {
  server::ConfigSources sources;
  std::string listen;
  std::string state = launcher::default_state_directory();
};

Fd reopened(int directory, int flags) {
  return Fd(
      check(::openat(directory, ".", flags | O_DIRECTORY | O_CLOEXEC), "opening a directory of the state"));
}

launcher::SupervisorOptions supervisor_options(const launcher::StateDirectory& state,
                                               const server::ServerConfig& config) {
  launcher::SupervisorOptions options;
  options.launcher_arguments = {"--state",     state.path(),
                                "--images",    state.images_path(),
                                "--max-slots", std::to_string(config.prepared_sandboxes)};
  if (config.max_memory_bytes)
    options.launcher_arguments.insert(options.launcher_arguments.end(),
                                      {"--max-memory", std::to_string(*config.max_memory_bytes)});
  options.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  return options;
}

int serve(ServerFlags flags) {
  if (!flags.listen.empty()) server::parse_listen(flags.listen, flags.sources);
  server::ServerConfig config = server::load_config(flags.sources);
  server::check_exposure(config);  // before anything is started
  configure_log(config.log_level, 2, "server");

  launcher::StateDirectory state = launcher::StateDirectory::open(flags.state, config.images_dir);
  Fd server_lock = state.lock_for_server();
  auto native = std::make_shared<runtime::NativeOptions>();  // waits in a copyable function for the runtime
  native->keep_until_connected = launcher::ensure_supervisor(state, supervisor_options(state, config));
  native->link.run_directory = reopened(state.run(), O_PATH);
  native->images = reopened(state.images(), O_RDONLY);
  native->aliases = config.aliases;
  native->strip_line_terminators = config.strip_line_terminators;

  launcher::lower_privileges(state.server_uid());
  server::ServerParts parts;
  parts.database_path = state.path() + "/server/opensandbox.db";
  parts.before_serving = [uid = state.server_uid()] { launcher::drop_privileges(uid); };
  parts.make_runtime = [native](net::asio::any_io_executor executor) -> std::unique_ptr<runtime::Runtime> {
    return std::make_unique<runtime::NativeRuntime>(executor, std::move(*native));
  };
  return server::run_server(config, parts);
}

}  // namespace

void add_server_command(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ServerFlags>();
  CLI::App* command =
      app.add_subcommand("server", "Serve the lifecycle API; needs root to start, and gives it up");
  command
      ->add_option("--config", flags->sources.config_file,
                   "Configuration file (default: ~/.sandbox.toml if it is there)")
      ->type_name("FILE");
  command->add_option("--listen", flags->listen, "Address to serve at (default: 127.0.0.1:8080)")
      ->type_name("HOST:PORT");
  command->add_option("--state", flags->state, "State directory; one server per directory")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--images", flags->sources.images_dir,
                   "Image store, may be shared (default: STATE/images)")
      ->type_name("DIR");
  command->footer(
      "Sandboxes outlive the server: start it again with the same --state and it goes on with them.\n"
      "SIGTERM ends the server in good order.");
  command->callback([flags, &action] { action = [flags] { return serve(*flags); }; });
}

}  // namespace osb
