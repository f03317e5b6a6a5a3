#include "execd/code/java_homes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;
constexpr int kOldest = 11;
constexpr const char* kParents[] = {"usr/lib/jvm", "opt/opensandbox/java", "opt/java", "usr/java", "opt"};

std::string lookup(const Environment& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

// "jdk-17.0.15+6" → 17, 0, 15. Empty for what is no version.
std::vector<int> numbers(std::string_view version) {
  size_t begin = version.find_first_of("0123456789");
  std::vector<int> list;
  while (begin < version.size()) {
    int number = 0;
    auto [end, failed] = std::from_chars(version.data() + begin, version.data() + version.size(), number);
    if (failed != std::errc()) break;
    list.push_back(number);
    begin = static_cast<size_t>(end - version.data()) + 1;
    if (begin > version.size() || *end != '.') break;
  }
  if (list.size() > 1 && list[0] == 1) list.erase(list.begin());  // 1.8 is 8
  return list;
}

bool begins_with(const std::vector<int>& version, const std::vector<int>& wanted) {
  return wanted.size() <= version.size() && std::equal(wanted.begin(), wanted.end(), version.begin());
}

// The value of a line NAME="value".
std::string property(const std::string& text, const std::string& name) {
  std::string begin = name + "=\"";
  size_t at = text.starts_with(begin) ? 0 : text.find("\n" + begin);
  if (at == std::string::npos) return {};
  at = text.find('"', at) + 1;
  return text.substr(at, text.find('"', at) - at);
}

std::optional<JavaHome> inspect(const fs::path& directory) {
  std::error_code error;
  fs::path path = fs::canonical(directory, error);
  if (error || !fs::is_regular_file(path / "bin/java", error)) return std::nullopt;
  std::ifstream file(path / "release");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::string version = property(text, "JAVA_VERSION");
  if (version.empty()) return std::nullopt;
  std::vector<int> parts = numbers(version);
  std::string modules = " " + property(text, "MODULES") + " ";
  // Not every maker lists the modules. The worker says what is missing.
  bool shell = modules == "  " || modules.find(" jdk.jshell ") != std::string::npos;
  return JavaHome{path, version, shell && !parts.empty() && parts[0] >= kOldest};
}

void add(std::vector<JavaHome>& homes, const fs::path& directory) {
  auto home = inspect(directory);
  if (!home) return;
  bool known = std::any_of(homes.begin(), homes.end(), [&](auto& other) { return other.path == home->path; });
  if (!known) homes.push_back(std::move(*home));
}

void add_from_path(std::vector<JavaHome>& homes, const std::string& path) {
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(':', at), path.size());
    std::error_code error;
    fs::path program = fs::canonical(fs::path(path.substr(at, end - at)) / "java", error);
    if (!error && !path.substr(at, end - at).empty()) return add(homes, program.parent_path().parent_path());
    at = end + 1;
  }
}

// "17.0.15, 25.0.1", each once.
std::string list_of(const std::vector<JavaHome>& homes) {
  std::vector<std::string> versions;
  for (const JavaHome& home : homes)
    if (home.usable && std::find(versions.begin(), versions.end(), home.version) == versions.end())
      versions.push_back(home.version);
  std::sort(versions.begin(), versions.end(),
            [](auto& one, auto& other) { return numbers(one) < numbers(other); });
  std::string text;
  for (const std::string& version : versions) text += (text.empty() ? "" : ", ") + version;
  return text;
}

}  // namespace

std::vector<JavaHome> find_java_homes(const Environment& env, const std::string& root) {
  std::vector<JavaHome> homes;
  if (std::string home = lookup(env, "JAVA_HOME"); !home.empty()) add(homes, home);
  add_from_path(homes, lookup(env, "PATH"));
  auto named = static_cast<std::ptrdiff_t>(homes.size());
  std::vector<fs::path> parents;
  for (const char* parent : kParents) parents.push_back(fs::path(root) / parent);
  if (std::string home = lookup(env, "HOME"); !home.empty())
    parents.push_back(fs::path(home) / ".sdkman/candidates/java");
  for (const fs::path& parent : parents) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(parent, error)) add(homes, entry.path());
  }
  std::sort(homes.begin() + named, homes.end(), [](const JavaHome& one, const JavaHome& other) {
    return std::pair(numbers(one.version), one.path) > std::pair(numbers(other.version), other.path);
  });
  return homes;
}

const JavaHome& choose_java(const std::vector<JavaHome>& homes, const Environment& env) {
  std::string there = list_of(homes);
  if (there.empty())
    throw Error(ErrorCode::unsupported,
                "language java is not available in this image (no JDK 11 or later is in JAVA_HOME, PATH or "
                "/usr/lib/jvm)");
  std::string version = lookup(env, "JAVA_VERSION");
  std::vector<int> wanted = numbers(version);
  for (const JavaHome& home : homes)
    if (home.usable && begins_with(numbers(home.version), wanted)) return home;
  std::string problem = "JAVA_VERSION=" + version + " is not in this image; it has " + there;
  if (lookup(env, "OPENSANDBOX_IMAGE_KIND") != "host") throw Error(ErrorCode::unsupported, problem);
  log_warn(problem, {{"language", "java"}});
  return *std::find_if(homes.begin(), homes.end(), [](const JavaHome& home) { return home.usable; });
}

}  // namespace osb::execd
