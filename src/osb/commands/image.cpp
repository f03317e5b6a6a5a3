// osb image: images in the store of a server.
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
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/progress.h"

namespace osb::cli {

namespace {

constexpr std::string_view kFormats = "table|json|yaml";

opensandbox::Manager manager(Invocation& run) { return opensandbox::Manager(connection(run)); }

// Servers without /v1/images answer 404: say where images are managed then.
template <class Call>
auto with_images(const Call& call) {
  try {
    return call();
  } catch (const opensandbox::Error& error) {
    if (error.code() != opensandbox::ErrorCode::not_found ||
        error.server_code().find("IMAGE") != std::string::npos)
      throw;
    throw Problem("UNSUPPORTED", "this server does not manage images over its API",
                  "on the server's machine: sudo opensandbox image --help");
  }
}

int list(Invocation& run) {
  json::Array rows;
  for (const opensandbox::ImageInfo& image : with_images([&] { return manager(run).images(); })) {
    json::Value size = image.size ? json::Value(*image.size) : json::Value(nullptr);
    json::Object row{{"name", image.name}, {"size", size}, {"created_at", time_text(image.created_at)}};
    if (run.output().is_table() && image.size) row["size"] = byte_size(static_cast<uint64_t>(*image.size));
    rows.push_back(row);
  }
  static constexpr Column kColumns[] = {{"NAME", "name"}, {"SIZE", "size"}, {"CREATED", "created_at"}};
  run.output().rows(rows, kColumns, "There are no images.");
  return 0;
}

int upload_image(Invocation& run) {
  std::string name = run.argument("NAME"), path = run.argument("FILE");
  Fd file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) < 0)
    throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
  std::optional<uint64_t> size;
  if (S_ISREG(status.st_mode)) size = static_cast<uint64_t>(status.st_size);
  Interrupts interrupts;
  Progress progress(path, size.value_or(0), true);
  auto source = [&](std::span<char> room) -> size_t {
    ssize_t count = ::read(file.get(), room.data(), room.size());
    if (count < 0) throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
    progress.add(static_cast<uint64_t>(count));
    return static_cast<size_t>(count);
  };
  with_images([&] {
    manager(run).upload_image(name, source, size, {}, interrupts.token());
    return 0;
  });
  run.output().done("Stored image " + name, {{"name", name}});
  return 0;
}

int remove(Invocation& run) {
  std::string name = run.argument("NAME");
  with_images([&] {
    manager(run).remove_image(name);
    return 0;
  });
  run.output().done("Removed image " + name, {{"name", name}});
  return 0;
}

constexpr Argument kName[] = {{"NAME", "Name of the image"}};
constexpr Argument kUploadArguments[] = {{"NAME", "Name of the image, such as alpine:3.20"},
                                         {"FILE", "tar archive of a root file system; - is standard input"}};

const Command kList{.name = "list", .summary = "List images", .outputs = kFormats, .run = list};
const Command kUpload{.name = "upload",
                      .summary = "Store a root file system as an image",
                      .details = "  docker export CONTAINER | osb image upload alpine:3.20 -",
                      .outputs = kFormats,
                      .arguments = kUploadArguments,
                      .run = upload_image};
const Command kRemove{
    .name = "remove", .summary = "Remove an image", .outputs = kFormats, .arguments = kName, .run = remove};
const Command* const kChildren[] = {&kList, &kUpload, &kRemove};

}  // namespace

const Command kImageCommand{.name = "image",
                            .summary = "Images in the store of a server",
                            .details =
                                "Works with servers that have /v1/images. On the server's own machine,\n"
                                "`opensandbox image` works on the store itself, also when no server runs.",
                            .children = kChildren};

}  // namespace osb::cli
