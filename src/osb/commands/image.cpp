// osb image: images in the store of a server, or in this machine's when no server runs.
#include <errno.h>
#include <fcntl.h>
#include <opensandbox/manager.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/interrupts.h"
#include "osb/local_program.h"
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/progress.h"
#include "osb/tcp_probe.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

constexpr std::string_view kFormats = "table|json|yaml";

opensandbox::Manager manager(Invocation& run) { return opensandbox::Manager(connection(run)); }

// Whether something listens there: then it is not for us to go round it.
bool answers(const HostPort& at) {
  try {
    return connect_to(at, std::chrono::seconds(2)).get() >= 0;
  } catch (const Problem&) {
    return false;
  }
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// --state, --images and --server-config as words for `opensandbox image`.
std::vector<std::string> store_words(Invocation& run) {
  std::vector<std::string> words;
  for (const char* key : {"state", "images"})
    if (auto value = run.option(key)) words.insert(words.end(), {std::string("--") + key, *value});
  if (auto file = run.option("server-config")) words.insert(words.end(), {"--config", *file});
  return words;
}

// Asks the server; works on this machine's store itself where one is named, or where the server would be on
// this machine and none answers. `through_server` must not have side effects when nothing answers.
template <class Call>
auto with_images(Invocation& run, const Call& through_server, std::vector<std::string> local) {
  std::vector<std::string> store = store_words(run);
  auto on_the_store = [&]() -> std::optional<std::string> {
    local.insert(local.begin(), "image");
    local.insert(local.end(), store.begin(), store.end());
    return run_local_program(local);
  };
  if (!store.empty()) return on_the_store();
  try {
    through_server();
    return std::optional<std::string>();
  } catch (const opensandbox::Error& error) {
    using enum opensandbox::ErrorCode;
    // Servers without /v1/images answer 404: say where images are managed then.
    if (error.code() == not_found && error.server_code().find("IMAGE") == std::string::npos)
      throw Problem("UNSUPPORTED", "this server does not manage images over its API",
                    "on the server's machine: sudo opensandbox image --help");
    HostPort at = split_address(run.settings().domain.value, false);
    if (error.code() != unreachable || !is_this_machine(at.host) || answers(at)) throw;
    write_all(STDERR_FILENO, "No server answers at " + visible(run.settings().domain.value) +
                                 "; this is the image store of this machine.\n");
  }
  return on_the_store();
}

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value(nullptr) : json::Value(text);
}

json::Object row_of(const opensandbox::ImageInfo& image) {
  json::Value size = image.size ? json::Value(*image.size) : json::Value(nullptr);
  return {{"name", image.name},
          {"size", size},
          {"created_at", time_text(image.created_at)},
          {"alias_of", text_or_null(image.alias_of)}};
}

// An item of `opensandbox image list --json`, which says what the server's answer says.
json::Object row_of(const json::Object& item) {
  auto member = [&](std::string_view name) {
    const json::Value* value = item.if_contains(name);
    return value ? *value : json::Value(nullptr);
  };
  json::Value created = member("createdAt");
  if (created.is_string()) created = std::string(created.as_string()).substr(0, 19) + "Z";  // whole seconds
  return {{"name", member("name")},
          {"size", member("size")},
          {"created_at", created},
          {"alias_of", member("aliasOf")}};
}

int list(Invocation& run) {
  json::Array rows;
  auto ask = [&] {
    for (const opensandbox::ImageInfo& image : manager(run).images()) rows.push_back(row_of(image));
  };
  if (auto text = with_images(run, ask, {"list", "--json"})) {
    json::Value document = json::parse(*text);
    for (const json::Value& item : document.at("items").as_array()) rows.push_back(row_of(item.as_object()));
  }
  if (run.output().is_table())
    for (json::Value& row : rows)
      if (json::Value& size = row.at("size"); size.is_number())
        size = byte_size(static_cast<uint64_t>(size.to_number<int64_t>()));
  static constexpr Column kColumns[] = {
      {"NAME", "name"}, {"SIZE", "size"}, {"CREATED", "created_at"}, {"ALIAS OF", "alias_of"}};
  run.output().rows(rows, kColumns, "There are no images.");
  return 0;
}

void send_archive(Invocation& run, const std::string& name, const std::string& path, int file) {
  struct stat status;
  if (::fstat(file, &status) < 0) throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
  std::optional<uint64_t> size;
  if (S_ISREG(status.st_mode)) {
    off_t at = std::max<off_t>(::lseek(file, 0, SEEK_CUR), 0);  // of standard input somebody may have read
    size = static_cast<uint64_t>(std::max<off_t>(status.st_size - at, 0));
  }
  Interrupts interrupts;
  Progress progress(path, size.value_or(0), true);
  auto source = [&](std::span<char> room) -> size_t {
    ssize_t count = ::read(file, room.data(), room.size());
    if (count < 0) throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
    progress.add(static_cast<uint64_t>(count));
    return static_cast<size_t>(count);
  };
  manager(run).upload_image(name, source, size, {}, interrupts.token());
}

int upload_image(Invocation& run) {
  std::string name = run.argument("NAME"), path = run.argument("FILE");
  Fd file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
  with_images(run, [&] { send_archive(run, name, path, file.get()); }, {"import", "--replace", name, path});
  run.output().done("Stored image " + name, {{"name", name}});
  return 0;
}

int remove(Invocation& run) {
  std::string name = run.argument("NAME");
  with_images(run, [&] { manager(run).remove_image(name); }, {"remove", name});
  run.output().done("Removed image " + name, {{"name", name}});
  return 0;
}

constexpr Argument kName[] = {{"NAME", "Name of the image"}};
constexpr Argument kUploadArguments[] = {
    {"NAME", "Name of the image, such as alpine:3.20"},
    {"FILE",
     "tar archive of a root file system, plain or packed with gzip, zstd, "
     "xz or bzip2; - is standard input"}};

constexpr Option kStoreOptions[] = {
    {"--state", "DIR", "Work on this machine's store in that state directory, server or not"},
    {"--images", "DIR", "Work on this image store"},
    {"--server-config", "FILE", "Work on the store that the server's configuration names"},
};

const Command kList{.name = "list",
                    .summary = "List images, and the names that stand for others",
                    .outputs = kFormats,
                    .options = kStoreOptions,
                    .run = list};
const Command kUpload{.name = "upload",
                      .summary = "Store a root file system as an image",
                      .details =
                          "  docker export CONTAINER | osb image upload alpine:3.20 -\n"
                          "Takes the place of an image of that name; sandboxes keep the one they have.",
                      .outputs = kFormats,
                      .arguments = kUploadArguments,
                      .options = kStoreOptions,
                      .run = upload_image};
const Command kRemove{.name = "remove",
                      .summary = "Remove an image that no sandbox uses",
                      .outputs = kFormats,
                      .arguments = kName,
                      .options = kStoreOptions,
                      .run = remove};
const Command* const kChildren[] = {&kList, &kUpload, &kRemove};

}  // namespace

const Command kImageCommand{.name = "image",
                            .summary = "Images in the store of a server",
                            .details =
                                "Works through the server. Where that would be on this machine and does not\n"
                                "run, it works on the store itself, by the program opensandbox beside osb;\n"
                                "changes need root then.",
                            .children = kChildren};

}  // namespace osb::cli
