#include "runtime/native/image_resolver.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "launcher/image_name.h"

namespace osb::runtime {

namespace {

constexpr std::string_view kStandardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kCodeInterpreter = "opensandbox/code-interpreter:latest";
constexpr size_t kMaxTold = 1000;

// Spaces around a name come from hand-written requests.
std::string trimmed(std::string_view text) {
  size_t start = text.find_first_not_of(" \t\r\n");
  if (start == text.npos) return {};
  return std::string(text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1));
}

std::string normalised_or_same(const std::string& name) {
  try {
    return launcher::normalise_image_name(name);
  } catch (const Error&) {
    return name;
  }
}

// "[registry/]…opensandbox/code-interpreter" without tag and digest.
bool is_code_interpreter(std::string_view normal) {
  normal = normal.substr(0, normal.find('@'));
  size_t colon = normal.rfind(':');
  if (colon != normal.npos && normal.find('/', colon) == normal.npos) normal = normal.substr(0, colon);
  constexpr std::string_view name = "opensandbox/code-interpreter";
  if (!normal.ends_with(name)) return false;
  return normal.size() == name.size() || normal[normal.size() - name.size() - 1] == '/';
}

// Tools that unpack themselves beside /usr/local/bin: /usr/local/go/bin and the like.
std::string host_path() {
  std::vector<std::string> extra;
  std::error_code error;
  for (const char* parent : {"/usr/local", "/usr/local/lib/nodejs", "/usr/lib/dart"})
    for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
      std::string bin = entry.path().string() + "/bin";
      struct stat st{};
      if (::stat(bin.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && bin.find(':') == bin.npos)
        extra.push_back(bin);
    }
  std::ranges::sort(extra);
  std::string path(kStandardPath);
  for (const std::string& bin : extra) path += ":" + bin;
  return path;
}

}  // namespace

std::vector<ImageEntry> list_images(const std::vector<launcher::ImageInfo>& stored,
                                    const std::map<std::string, std::string>& aliases) {
  std::string host(launcher::kHostImage);
  std::map<std::string, ImageEntry> entries{{host, {}}};
  for (const launcher::ImageInfo& info : stored)
    entries[info.name] = {.size = info.size, .created_at = info.created};
  if (auto [entry, missing] = entries.try_emplace(kCodeInterpreter); missing) entry->second.alias_of = host;
  for (const auto& [from, to] : aliases) entries[normalised_or_same(from)].alias_of = normalised_or_same(to);
  std::vector<ImageEntry> out;
  for (auto& [name, entry] : entries) {
    entry.name = name;
    out.push_back(std::move(entry));
  }
  return out;
}

ImageResolver::ImageResolver(launcher::ImageStore store, std::map<std::string, std::string> aliases)
    : store_(std::move(store)) {
  for (auto& [from, to] : aliases) aliases_[normalised_or_same(from)] = to;
}

std::string ImageResolver::followed(const std::string& requested) const {
  auto alias = aliases_.find(requested);
  if (alias == aliases_.end()) alias = aliases_.find(normalised_or_same(requested));
  return alias == aliases_.end() ? requested : alias->second;
}

Image ImageResolver::local_image(const std::string& name) {
  std::string normal = launcher::normalise_image_name(name);
  if (normal == launcher::kHostImage) return Image{.name = normal};
  if (auto info = store_.find(normal))
    return Image{
        .name = normal, .env = info->env, .entrypoint = info->entrypoint, .working_directory = info->cwd};
  if (!is_code_interpreter(normal)) throw unknown(name);
  // Ours is made for all versions of the clients, which name it with the tags of their time.
  if (auto info = store_.find(kCodeInterpreter))
    return Image{.name = kCodeInterpreter,
                 .env = info->env,
                 .entrypoint = info->entrypoint,
                 .working_directory = info->cwd,
                 .alias_of_request = name};
  if (told_.size() < kMaxTold && told_.insert(normal).second)
    log_info("image is not installed: its sandboxes get this machine's own tools (image host)",
             {{"image", normal}});
  return Image{.name = std::string(launcher::kHostImage),
               .env = {{"OPENSANDBOX_INTERPRETER", "python"}},  // who asks for this image wants one
               .alias_of_request = name};
}

Image ImageResolver::resolve(const std::string& requested) {
  std::string name = trimmed(requested);
  std::string target = followed(name);
  Image image = local_image(target);
  if (target != name || !image.alias_of_request.empty()) image.alias_of_request = requested;
  return image;
}

Error ImageResolver::unknown(const std::string& requested) const {
  std::string available = "host";
  for (const launcher::ImageInfo& image : store_.list()) {
    if (available.size() > 1000) {
      available += ", …";
      break;
    }
    available += ", " + image.name;
  }
  return Error(ErrorCode::not_found,
               "looking for image \"" + requested.substr(0, 300) +
                   "\": it is not on this machine. Available: " + available +
                   ". Import one with `opensandbox image import NAME FILE` (a root file system as tar, e.g. "
                   "from `docker export`)",
               "NATIVE::IMAGE_NOT_FOUND");
}

std::string launcher_image(const Image& image) {
  return image.name == launcher::kHostImage ? std::string() : launcher::encode_image_name(image.name);
}

std::map<std::string, std::string> base_environment(const Image& image, const std::string& sandbox_id) {
  std::map<std::string, std::string> env{{"HOME", "/root"}, {"OPENSANDBOX_ID", sandbox_id}};
  if (image.name == launcher::kHostImage) {
    static const std::string path = host_path();  // what is installed later is found after a restart
    env["PATH"] = path;
    env["LANG"] = "C.UTF-8";
    env["PIP_BREAK_SYSTEM_PACKAGES"] = "1";  // the root is this sandbox's own
    env["OPENSANDBOX_IMAGE_KIND"] =
        "host";  // a version of a language that is missing is replaced by what there is
  } else {
    env["PATH"] = kStandardPath;
  }
  return env;
}

std::map<std::string, std::string> sandbox_environment(const SandboxSpec& spec) {
  std::map<std::string, std::string> env = base_environment(spec.image, spec.id);
  for (const auto* layer : {&spec.image.env, &spec.env})
    for (const auto& [name, value] : *layer) env[name] = value;
  return env;
}

}  // namespace osb::runtime
