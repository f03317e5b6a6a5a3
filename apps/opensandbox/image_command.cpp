// `opensandbox image …`: the image store, with or without a running server.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "api/image.h"
#include "base/error.h"
#include "commands.h"
#include "launcher/image_store.h"
#include "launcher/state_directory.h"
#include "runtime/native/image_resolver.h"
#include "server/config.h"

namespace osb {

namespace {

struct StoreFlags {
  std::string state = launcher::default_state_directory();
  std::string images;
  std::string config;
};

// --images, else what the server's configuration says, else STATE/images.
std::string images_path(const StoreFlags& flags) {
  server::ConfigSources sources{.config_file = flags.config, .images_dir = flags.images};
  std::string path = server::load_config(sources).images_dir;
  return path.empty() ? flags.state + "/images" : path;
}

void require_root(const char* doing) {
  if (::geteuid() != 0)
    throw Error(ErrorCode::unsupported, std::string(doing) + ": this needs root (run it with sudo)");
}

launcher::ImageStore writable_store(const StoreFlags& flags) {
  std::string path = images_path(flags);
  if (path == flags.state + "/images")
    return launcher::ImageStore::open(launcher::StateDirectory::open(flags.state).images_path());
  return launcher::ImageStore::open(launcher::StateDirectory::open_images(path));
}

std::string human_size(int64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

struct ImportFlags {
  StoreFlags store;
  std::string name, file;
  std::vector<std::string> env;
  launcher::ImportOptions options;
};

int import_image(ImportFlags flags) {
  require_root("importing an image");
  for (const std::string& entry : flags.env) {
    size_t equals = entry.find('=');
    if (equals == 0 || equals == entry.npos)
      throw Error(ErrorCode::invalid, "reading --env \"" + entry + "\": expected NAME=VALUE");
    flags.options.env[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (!flags.options.cwd.empty() && flags.options.cwd[0] != '/')
    throw Error(ErrorCode::invalid, "reading --cwd \"" + flags.options.cwd + "\": expected an absolute path");
  Fd file(flags.file == "-" ? ::fcntl(0, F_DUPFD_CLOEXEC, 3)
                            : ::open(flags.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw system_error("opening " + flags.file);
  launcher::ImageInfo info = writable_store(flags.store).import(flags.name, file.get(), flags.options);
  std::printf("%s  %s\n", info.name.c_str(), human_size(info.size).c_str());
  return 0;
}

std::vector<launcher::ImageInfo> stored_images(const StoreFlags& flags) {
  std::string path = images_path(flags);
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return {};
  if (!directory) throw system_error("opening " + path);
  return launcher::ImageStore(std::move(directory)).list();
}

void print_table(const std::vector<launcher::ImageInfo>& images) {
  std::printf("%-48s %-10s %-20s %s\n", "NAME", "SIZE", "CREATED", "COMMAND");
  std::printf("%-48s %-10s %-20s %s\n", "host", "-", "-", "(this machine's own programs)");
  for (const launcher::ImageInfo& image : images) {
    std::string command;
    for (const std::string& word : image.entrypoint) command += (command.empty() ? "" : " ") + word;
    std::string created = image.created.substr(0, image.created.find('.'));
    std::printf("%-48s %-10s %-20s %s\n", image.name.c_str(), human_size(image.size).c_str(), created.c_str(),
                command.empty() ? "-" : command.c_str());
  }
}

int list_images(const StoreFlags& flags, bool json) {
  std::vector<launcher::ImageInfo> images = stored_images(flags);
  if (json) {
    auto aliases = server::load_config({.config_file = flags.config, .images_dir = flags.images}).aliases;
    std::printf("%s\n", api::image_list_json(runtime::list_images(images, aliases)).c_str());
  } else {
    print_table(images);
  }
  return 0;
}

int remove_image(const StoreFlags& flags, const std::string& name) {
  require_root("removing an image");
  writable_store(flags).remove(name);
  return 0;
}

void add_store_options(CLI::App* command, StoreFlags& flags) {
  command->add_option("--state", flags.state, "State directory")->type_name("DIR")->capture_default_str();
  command->add_option("--images", flags.images, "Image store (default: as configured, else STATE/images)")
      ->type_name("DIR");
  command->add_option("--config", flags.config, "Configuration file of the server")->type_name("FILE");
}

void add_import(CLI::App* image, Action& action) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = image->add_subcommand("import", "Make an image from a root file system archive");
  command->add_option("NAME", flags->name, "Name of the image, e.g. alpine:3.20")->required();
  command
      ->add_option("FILE", flags->file,
                   "tar archive, plain or packed with gzip, zstd, xz or bzip2; - reads standard input")
      ->required();
  command->add_flag("--replace", flags->options.replace, "Take the place of an image of that name");
  command->add_option("--env", flags->env, "Environment of its sandboxes; repeat for more")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--entrypoint", flags->options.entrypoint, "Default entrypoint; repeat for each argument")
      ->type_name("ARG")
      ->allow_extra_args(false);
  command->add_option("--cwd", flags->options.cwd, "Working directory of its sandboxes")->type_name("DIR");
  command->footer(
      "A root file system comes, for example, from:\n  docker export $(docker create alpine:3.20) | "
      "opensandbox image import alpine:3.20 -");
  add_store_options(command, flags->store);
  command->callback([flags, &action] { action = [flags] { return import_image(*flags); }; });
}

}  // namespace

void add_image_command(CLI::App& app, Action& action) {
  CLI::App* image =
      app.add_subcommand("image", "Import, list and remove images; works beside a running server");
  image->require_subcommand(1);
  add_import(image, action);

  auto list_flags = std::make_shared<StoreFlags>();
  CLI::App* list = image->add_subcommand("list", "Show the images of this machine");
  add_store_options(list, *list_flags);
  auto json = std::make_shared<bool>(false);
  list->add_flag("--json", *json, "What GET /images of a server answers, aliases included");
  list->callback([list_flags, json, &action] {
    action = [list_flags, json] { return list_images(*list_flags, *json); };
  });

  auto remove_flags = std::make_shared<StoreFlags>();
  auto name = std::make_shared<std::string>();
  CLI::App* remove = image->add_subcommand("remove", "Remove an image that no sandbox uses");
  remove->add_option("NAME", *name, "Name of the image")->required();
  add_store_options(remove, *remove_flags);
  remove->callback([remove_flags, name, &action] {
    action = [remove_flags, name] { return remove_image(*remove_flags, *name); };
  });
}

}  // namespace osb
