#include "execd/code/python_versions.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <system_error>

#include "execd/environment.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kVersionVariable = "PYTHON_VERSION=";

// "3.11.7" → {3, 11, 7}; empty for what is no version.
std::vector<int> numbers(std::string_view version) {
  std::vector<int> parts;
  while (!version.empty()) {
    int part = 0;
    auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), part);
    if (error != std::errc() || part < 0) return {};
    parts.push_back(part);
    version.remove_prefix(static_cast<size_t>(end - version.data()));
    if (version.empty()) break;
    if (version.front() != '.' || version.size() == 1) return {};
    version.remove_prefix(1);
  }
  return parts;
}

void add(std::vector<InstalledPython>& found, const fs::path& program, std::string version) {
  if (::access(program.c_str(), X_OK) != 0) return;
  for (const InstalledPython& other : found)
    if (other.version == version) return;
  found.push_back({program.string(), std::move(version)});
}

// python3.11 and its like. Those of version managers are stand-ins that may lead nowhere.
void look_in_path(std::vector<InstalledPython>& found, std::string_view path) {
  while (!path.empty()) {
    std::string_view dir = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(dir.size() + 1, path.size()));
    if (dir.empty() || dir.find("/shims") != std::string_view::npos) continue;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
      std::string name = entry.path().filename().string();
      if (!name.starts_with("python")) continue;
      std::string version = name.substr(6);
      if (numbers(version).size() == 2) add(found, entry.path(), version);
    }
  }
}

// One directory for each version, perhaps with a prefix ("cpython-3.12.4-linux-x86_64").
void look_in_versions(std::vector<InstalledPython>& found, const fs::path& dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with("cpython-")) name = name.substr(8);
    name = name.substr(0, name.find('-'));
    if (!numbers(name).empty()) add(found, entry.path() / "bin/python3", name);
  }
}

}  // namespace

std::vector<InstalledPython> installed_pythons(const std::vector<std::string>& env) {
  Environment variables = from_strings(env);
  std::vector<InstalledPython> found;
  look_in_path(found, variables["PATH"]);
  if (!variables["HOME"].empty()) look_in_versions(found, fs::path(variables["HOME"]) / ".pyenv/versions");
  look_in_versions(found, "/opt/opensandbox/python");
  look_in_versions(found, "/opt/python/versions");
  look_in_path(found, "/usr/local/bin");
  std::sort(found.begin(), found.end(), [](const InstalledPython& a, const InstalledPython& b) {
    return numbers(a.version) > numbers(b.version);
  });
  return found;
}

std::string wanted_python(const std::vector<std::string>& env) {
  std::string wanted;
  for (const std::string& entry : env)
    if (entry.starts_with(kVersionVariable)) wanted = entry.substr(kVersionVariable.size());
  return wanted;
}

bool is_wanted(std::string_view version, std::string_view wanted) {
  size_t suffix = version.find_first_not_of("0123456789.");  // "3.14.0rc1"
  std::vector<int> have = numbers(version.substr(0, suffix)), want = numbers(wanted);
  if (have.empty() || want.empty()) return wanted.empty();
  size_t compared = std::min({have.size(), want.size(), size_t{2}});
  return std::equal(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(compared), have.begin());
}

std::vector<std::string> python_candidates(const std::vector<std::string>& env) {
  std::string wanted = wanted_python(env);
  std::vector<InstalledPython> installed = installed_pythons(env);
  std::vector<std::string> programs;
  auto take = [&](auto fits) {
    for (const InstalledPython& python : installed)
      if (fits(python) && std::find(programs.begin(), programs.end(), python.program) == programs.end())
        programs.push_back(python.program);
  };
  if (!wanted.empty()) {
    take([&](const InstalledPython& python) { return python.version == wanted; });
    take([&](const InstalledPython& python) { return is_wanted(python.version, wanted); });
  }
  for (const char* name : {"python3", "python"}) programs.emplace_back(name);
  take([&](const InstalledPython&) { return true; });
  return programs;
}

}  // namespace osb::execd
