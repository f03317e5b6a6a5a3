#include "execd/code/go_toolchain.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "sys/text_file.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;

std::string value_of(const Environment& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

std::string first_of_list(const std::string& list) { return list.substr(0, list.find(':')); }

std::string module_cache(const Environment& env) {
  if (std::string cache = value_of(env, "GOMODCACHE"); !cache.empty()) return cache;
  if (std::string path = first_of_list(value_of(env, "GOPATH")); !path.empty()) return path + "/pkg/mod";
  std::string home = value_of(env, "HOME");
  return home.empty() ? std::string() : home + "/go/pkg/mod";
}

// "go1.24.11", the first line of the file VERSION beside bin/; empty for what is no toolchain.
std::string version_of(const fs::path& root) {
  std::string text = sys::try_read_text(AT_FDCWD, (root / "VERSION").string(), 4096).value_or("");
  text.resize(std::min(text.find_first_of("\n "), text.size()));
  return text.starts_with("go") ? text.substr(2) : std::string();
}

void add(std::vector<GoToolchain>& list, const fs::path& program) {
  std::error_code error;
  fs::path real = fs::canonical(program, error);
  if (error || ::access(real.c_str(), X_OK) != 0) return;
  std::string version = version_of(real.parent_path().parent_path());
  bool known = std::ranges::any_of(list, [&](const auto& other) { return other.program == real.string(); });
  if (!version.empty() && !known) list.push_back({real.string(), std::move(version)});
}

// Entries of a directory whose names begin so, sorted.
std::vector<fs::path> entries(const std::string& directory, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with(prefix)) found.push_back(at->path());
  std::ranges::sort(found);
  return found;
}

// "1.24.11" → 1, 24, 11; a release candidate ("1.25rc1") counts as its beginning.
std::array<int, 3> numbers(std::string_view version) {
  std::array<int, 3> parts{};
  for (int& part : parts) {
    auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), part);
    version.remove_prefix(static_cast<size_t>(end - version.data()));
    if (error != std::errc{} || !version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  return parts;
}

bool older(const GoToolchain& a, const GoToolchain& b) { return numbers(a.version) < numbers(b.version); }

bool matches(const std::string& version, const std::string& wanted) {
  return version == wanted || version.starts_with(wanted + ".");
}

std::string list_of(const std::vector<GoToolchain>& installed) {
  std::string text;
  for (const GoToolchain& go : installed) text += (text.empty() ? "" : ", ") + go.version;
  return text.empty() ? "no Go toolchain" : text;
}

std::optional<GoToolchain> default_go(const std::vector<GoToolchain>& installed) {
  return installed.empty() ? std::nullopt : std::optional(installed.front());
}

}  // namespace

std::vector<GoToolchain> installed_go(const Environment& env) {
  std::vector<GoToolchain> in_path, elsewhere;
  std::string path = value_of(env, "PATH");
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(':', at), path.size());
    if (end > at) add(in_path, path.substr(at, end - at) + "/go");
    at = end + 1;
  }
  for (const fs::path& root : entries("/usr/local", "go")) add(elsewhere, root / "bin/go");
  for (const char* directory : {"/opt/opensandbox/go", "/opt/go"})
    for (const fs::path& root : entries(directory, "")) add(elsewhere, root / "bin/go");
  if (std::string home = value_of(env, "HOME"); !home.empty())
    for (const fs::path& root : entries(home + "/sdk", "go")) add(elsewhere, root / "bin/go");
  if (std::string cache = module_cache(env); !cache.empty())
    for (const fs::path& root : entries(cache + "/golang.org", "toolchain@")) add(elsewhere, root / "bin/go");
  std::ranges::sort(elsewhere, [](const auto& a, const auto& b) {
    return older(b, a) || (!older(a, b) && a.program < b.program);
  });
  for (const GoToolchain& go : elsewhere) add(in_path, go.program);
  return in_path;
}

std::optional<GoToolchain> chosen_go(const Environment& env, const std::vector<GoToolchain>& installed) {
  std::string wanted = value_of(env, "GO_VERSION");
  if (wanted.starts_with("go")) wanted.erase(0, 2);
  if (wanted.empty()) return default_go(installed);
  std::optional<GoToolchain> best;
  for (const GoToolchain& go : installed)
    if (matches(go.version, wanted) && (!best || older(*best, go))) best = go;
  if (best) return best;
  std::string text = "GO_VERSION=" + wanted + " is not in this image; it has " + list_of(installed);
  if (value_of(env, "OPENSANDBOX_IMAGE_KIND") != "host") throw Error(ErrorCode::unsupported, text);
  log_warn("another Go than the wanted one is used", {{"wanted", wanted}, {"there", list_of(installed)}});
  return default_go(installed);
}

}  // namespace osb::execd
