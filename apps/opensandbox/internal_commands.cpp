// `opensandbox supervisor` and `opensandbox launcher`: the server starts them; nobody types them.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "embedded_execd.h"
#include "launcher/guest_layer.h"
#include "launcher/host_layer.h"
#include "launcher/launcher.h"
#include "launcher/launcher_socket.h"
#include "launcher/layer.h"
#include "launcher/state_directory.h"
#include "launcher/supervisor.h"
#include "sys/text_file.h"
#include "sys/tree.h"

namespace osb {

namespace {

struct LauncherFlags {
  std::string state, images;
  int64_t max_memory = 0;
  size_t max_slots = 0;
};

constexpr size_t kMaxKernelBytes = 64 << 20;

// The Go worker beside this program; empty where it was not built.
std::string go_kernel() {
  std::error_code error;
  std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::string path = own / "kernels/go-kernel";
  if (!std::filesystem::exists(path, error)) {
    log_warn("sandboxes have no Go contexts: the worker is missing", {{"path", path}});
    return {};
  }
  return sys::read_text(AT_FDCWD, path, kMaxKernelBytes);
}

int launch(const LauncherFlags& flags) {
  ::prctl(PR_SET_NAME, "osb-launcher");
  configure_log(LogLevel::info, 2, "launcher");
  launcher::StateDirectory state = launcher::StateDirectory::open(flags.state, flags.images);
  Fd layers = sys::make_directories(state.launcher(), "layers", 0700);
  Fd machine(check(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening the root directory"));
  launcher::InstalledLayer guest = launcher::install_layer(
      layers.get(), "guest", launcher::plan_guest_layer(embedded_execd(), go_kernel()));
  launcher::InstalledLayer host =
      launcher::install_layer(layers.get(), "host", launcher::plan_host_layer(machine.get()));
  launcher::sweep_layers(layers.get());
  launcher::SupervisorOptions supervisor{
      .launcher_arguments = {"--state", flags.state, "--images", flags.images, "--max-memory",
                             std::to_string(flags.max_memory), "--max-slots",
                             std::to_string(flags.max_slots)}};
  for (char** entry = environ; *entry; ++entry) supervisor.environment.emplace_back(*entry);
  std::string layers_path = state.path() + "/launcher/layers/";
  return launcher::run_launcher({.state_dir = state.path(),
                                 .images_dir = state.images_path(),
                                 .server_uid = state.server_uid(),
                                 .socket_path = state.path() + "/run/" + launcher::kLauncherSocket,
                                 .guest_dir = layers_path + guest.name,
                                 .host_dir = layers_path + host.name,
                                 .max_memory_bytes = flags.max_memory,
                                 .max_slots = flags.max_slots,
                                 .keep_supervised = [&] { launcher::start_supervisor(state, supervisor); }});
}

void add_launcher(CLI::App& app, Action& action) {
  auto flags = std::make_shared<LauncherFlags>();
  CLI::App* command = app.add_subcommand("launcher", "Make sandboxes (started by the supervisor)")->group("");
  command->add_option("--state", flags->state)->required();
  command->add_option("--images", flags->images)->required();
  command->add_option("--max-memory", flags->max_memory);
  command->add_option("--max-slots", flags->max_slots);
  command->callback([flags, &action] { action = [flags] { return launch(*flags); }; });
}

void add_supervisor(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("supervisor", "Run and restart the launcher (started by the server)")->group("");
  command->allow_extras();  // all of it is the launcher's
  command->prefix_command();
  command->callback([command, &action] {
    action = [arguments = command->remaining()] {
      configure_log(LogLevel::info, 2, "supervisor");
      return launcher::run_supervisor(arguments);
    };
  });
}

}  // namespace

void add_internal_commands(CLI::App& app, Action& action) {
  add_supervisor(app, action);
  add_launcher(app, action);
}

}  // namespace osb
