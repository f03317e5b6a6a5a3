#include "execd/code/jupyter/kernelspecs.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 256 * 1024;
constexpr size_t kMaxDirectories = 100;
constexpr size_t kMaxEntries = 200;  // of one directory
constexpr size_t kMaxArguments = 200;

struct SpecFile {
  std::vector<std::string> argv;
  std::string display_name;
  std::string language;
  std::map<std::string, std::string> env;
  std::string interrupt_mode;
};
BOOST_DESCRIBE_STRUCT(SpecFile, (), (argv, display_name, language, env, interrupt_mode))

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

std::string variable(const Environment& env, const std::string& name) {
  auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

std::vector<std::string> split_path(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty() && parts.size() < kMaxDirectories) {
    std::string_view part = list.substr(0, list.find(':'));
    list.remove_prefix(std::min(part.size() + 1, list.size()));
    if (part.starts_with('/')) parts.emplace_back(part);
  }
  return parts;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !text.empty() && text.size() <= 100 && text[0] != '.' &&
         text.find_first_not_of(kLetters) == std::string_view::npos;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return names;
  for (size_t i = 0; i < kMaxEntries; ++i) {
    const dirent* entry = ::readdir(open.get());
    if (!entry) break;
    if (is_name(entry->d_name)) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string kernels_of(const fs::path& program) {
  std::string prefix = program.parent_path().parent_path().string();
  return (prefix == "/" ? "" : prefix) + "/share/jupyter/kernels";
}

// Where "python" stands for the Python of the installation that the kernelspec belongs to, whatever PATH
// says.
std::string program_of(const std::string& program, const std::string& kernels) {
  constexpr std::string_view kBelow = "/share/jupyter/kernels";
  if (program.find('/') != std::string::npos || !kernels.ends_with(kBelow)) return program;
  std::string beside = kernels.substr(0, kernels.size() - kBelow.size()) + "/bin/" + program;
  return ::access(beside.c_str(), X_OK) == 0 ? beside : program;
}

std::optional<Kernelspec> read_kernelspec(const std::string& kernels, const std::string& name) {
  std::string directory = kernels + "/" + name;
  auto text = read_small_file(directory + "/kernel.json", kMaxFile);
  if (!text) return std::nullopt;
  try {
    auto file = json::read<SpecFile>(json::parse(*text));
    if (file.argv.empty() || file.argv[0].empty() || file.argv.size() > kMaxArguments) return std::nullopt;
    file.argv[0] = program_of(file.argv[0], kernels);
    std::string language = lower(file.language.empty() ? name : file.language);
    return Kernelspec{lower(name),
                      std::move(directory),
                      std::move(language),
                      file.display_name,
                      std::move(file.argv),
                      std::move(file.env),
                      file.interrupt_mode == "message"};
  } catch (const Error&) {
    return std::nullopt;
  }
}

void add(std::vector<std::string>& list, std::string directory) {
  if (list.size() < kMaxDirectories && std::find(list.begin(), list.end(), directory) == list.end())
    list.push_back(std::move(directory));
}

}  // namespace

std::vector<std::string> kernelspec_directories(const Environment& env) {
  std::vector<std::string> list;
  for (const std::string& path : split_path(variable(env, "JUPYTER_PATH"))) add(list, path + "/kernels");
  std::string own = variable(env, "JUPYTER_DATA_DIR"), xdg = variable(env, "XDG_DATA_HOME"),
              home = variable(env, "HOME");
  if (own.empty() && !xdg.empty()) own = xdg + "/jupyter";
  if (own.empty() && !home.empty()) own = home + "/.local/share/jupyter";
  if (own.starts_with('/')) add(list, own + "/kernels");
  // An installation is where a directory of PATH is, and where the programs in it really are.
  for (const std::string& path : split_path(variable(env, "PATH"))) {
    add(list, kernels_of((fs::path(path) / "program").lexically_normal()));
    for (const char* program : {"python3", "jupyter"}) {
      std::error_code error;
      fs::path real = fs::canonical(path + "/" + program, error);
      if (!error) add(list, kernels_of(real));
    }
  }
  add(list, "/usr/local/share/jupyter/kernels");
  add(list, "/usr/share/jupyter/kernels");
  return list;
}

std::vector<Kernelspec> find_kernelspecs(const Environment& env) {
  std::vector<Kernelspec> specs;
  for (const std::string& kernels : kernelspec_directories(env)) {
    for (const std::string& name : names_in(kernels)) {
      bool known = std::any_of(specs.begin(), specs.end(),
                               [&](const Kernelspec& spec) { return spec.name == lower(name); });
      if (known || specs.size() >= kMaxEntries) continue;
      if (auto spec = read_kernelspec(kernels, name)) specs.push_back(std::move(*spec));
    }
  }
  return specs;
}

std::string fill_template(std::string_view text, const Environment& env) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  std::string out;
  while (!text.empty()) {
    size_t dollar = std::min(text.find('$'), text.size());
    out += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    if (text.starts_with("$$")) {
      out += '$';
      text.remove_prefix(2);
      continue;
    }
    bool braces = text.size() > 1 && text[1] == '{';
    std::string_view rest = text.substr(braces ? 2 : 1);
    std::string_view name = rest.substr(0, std::min(rest.find_first_not_of(kLetters), rest.size()));
    bool closed = !braces || rest.substr(name.size()).starts_with('}');
    auto found = env.find(std::string(name));
    size_t length = closed && !name.empty() && found != env.end() ? name.size() + (braces ? 3 : 1) : 0;
    if (length > 0)
      out += found->second;
    else
      out += text[0];
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace osb::execd
