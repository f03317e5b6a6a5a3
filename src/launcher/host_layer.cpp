#include "launcher/host_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "launcher/account_files.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

using Kind = LayerNode::Kind;

constexpr size_t kMaxFile = 8 << 20;
constexpr size_t kMaxTotal = 64 << 20;
constexpr int kMaxDepth = 12;

// Copied from /etc as they are (patterns of one path component): what programs and language run-times read
// and no operator writes private things into; start-up files of shells are not among them. passwd and group
// are written by rules of their own below, hostname, hosts and resolv.conf per sandbox (sandbox_files.cpp).
constexpr const char* kEtc[] = {
    "alternatives", "debian_version", "ethertypes", "fonts",          "gai.conf",
    "host.conf",    "inputrc",        "java-*",     "ld.so.cache",    "ld.so.conf",
    "ld.so.conf.d", "locale.alias",   "localtime",  "lsb-release",    "magic",
    "mime.types",   "nsswitch.conf",  "os-release", "perl",           "pki",
    "protocols",    "python3",        "python3.*",  "redhat-release", "rpc",
    "services",     "shells",         "ssl",        "terminfo",       "timezone"};

// Below a copied directory these are left out, whatever their mode says.
constexpr const char* kNever[] = {"ssl/private", "pki/*/private", "pki/private", "pki/entitlement*",
                                  "pki/consumer*"};

// Emptied directories that programs expect.
constexpr struct {
  const char* path;
  mode_t mode;
} kDirectories[] = {{"dev", 0755},     {"etc", 0755},       {"home", 0755},     {"media", 0755},
                    {"mnt", 0755},     {"opt", 0755},       {"proc", 0755},     {"root", 0700},
                    {"run", 0755},     {"run/lock", 01777}, {"srv", 0755},      {"sys", 0755},
                    {"tmp", 01777},    {"usr", 0755},       {"var", 0755},      {"var/cache", 0755},
                    {"var/lib", 0755}, {"var/local", 0755}, {"var/log", 0755},  {"var/mail", 0755},
                    {"var/opt", 0755}, {"var/spool", 0755}, {"var/tmp", 01777}, {"workspace", 0755}};

constexpr const char* kSystemDirectories[] = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"};

std::string directory_part(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

// `target` of a link at `path` as a path from the root, by its text alone; "" if it climbs too high.
std::string resolved_text(const std::string& path, const std::string& target) {
  std::string whole = target.starts_with('/') ? target : directory_part(path) + "/" + target;
  std::vector<std::string> parts;
  for (size_t start = 0; start < whole.size();) {
    size_t end = std::min(whole.find('/', start), whole.size());
    std::string part = whole.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return "";
    } else {
      parts.pop_back();
    }
  }
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

class Planner {
 public:
  explicit Planner(int machine) : machine_(machine) {}

  LayerPlan run() {
    for (const auto& directory : kDirectories)
      plan_.push_back({Kind::directory, directory.path, directory.mode});
    plan_.push_back({Kind::symlink, "var/run", 0777, "/run"});
    plan_.push_back({Kind::symlink, "var/lock", 0777, "/run/lock"});
    for (const char* name : kSystemDirectories) system_directory(name);
    own_files();
    Fd etc = sys::try_open_beneath(machine_, "etc", O_RDONLY | O_DIRECTORY);
    if (etc) {
      for (const std::string& name : sys::list_directory(etc.get()))
        if (allowed(name)) guarded_copy("etc/" + name);
    }
    return std::move(plan_);
  }

 private:
  static bool allowed(const std::string& name) {
    return std::ranges::any_of(kEtc,
                               [&](const char* pattern) { return ::fnmatch(pattern, name.c_str(), 0) == 0; });
  }
  static bool never(const std::string& path) {
    return std::ranges::any_of(
        kNever, [&](const char* pattern) { return ::fnmatch(pattern, path.c_str() + 4, FNM_PATHNAME) == 0; });
  }

  static bool never_below(std::string path) {
    for (; path.size() > 4; path = directory_part(path))
      if (never(path)) return true;
    return false;
  }

  void system_directory(const std::string& name) {
    struct stat st{};
    if (::fstatat(machine_, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISDIR(st.st_mode)) plan_.push_back({Kind::directory, name, 0755});
    if (S_ISLNK(st.st_mode)) plan_.push_back({Kind::symlink, name, 0777, read_link(name)});
  }

  void own_files() {
    file("etc/passwd", sanitise_passwd(followed("etc/passwd").value_or("")));
    file("etc/group", sanitise_group(followed("etc/group").value_or("")));
    plan_.push_back({Kind::symlink, "etc/mtab", 0777, "/proc/self/mounts"});
  }

  void file(const std::string& path, std::string content) {
    total_ += content.size();
    if (total_ > kMaxTotal) throw Error(ErrorCode::too_large, "copying /etc: more than 64 MiB");
    plan_.push_back({Kind::file, path, 0644, std::move(content)});
  }

  std::string read_link(const std::string& path) const {
    char target[4096];
    ssize_t n = check(::readlinkat(machine_, path.c_str(), target, sizeof target), "reading link " + path);
    return std::string(target, static_cast<size_t>(n));
  }

  static std::string path_of(int fd) {
    char text[4096];
    ssize_t n = check(::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text, sizeof text),
                      "looking up a path");
    return std::string(text, static_cast<size_t>(n));
  }

  // Whether everybody may read the file at its real path: each directory on the way counts, not the mode
  // alone.
  bool public_path(int fd) const {
    std::string root = path_of(machine_), path = path_of(fd);
    path.erase(0, root == "/" ? 1 : root.size() + 1);
    if (path.starts_with("etc/") && never_below(path)) return false;
    struct stat st{};
    if (::fstat(fd, &st) != 0 || (st.st_mode & S_IROTH) == 0) return false;
    while (!(path = directory_part(path)).empty())
      if (::fstatat(machine_, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || (st.st_mode & S_IXOTH) == 0)
        return false;
    return true;
  }

  // The file behind any links, as long as everybody may read it; links are resolved within the machine's
  // root.
  std::optional<std::string> followed(const std::string& path) const {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    Fd fd(static_cast<int>(::syscall(SYS_openat2, machine_, path.c_str(), &how, sizeof how)));
    struct stat st{};
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || !public_path(fd.get()))
      return std::nullopt;
    if (static_cast<uint64_t>(st.st_size) > kMaxFile)
      throw Error(ErrorCode::too_large, "it is larger than 8 MiB");
    std::string content(static_cast<size_t>(st.st_size), '\0');
    size_t done = 0;
    while (done < content.size()) {
      ssize_t n =
          check(::pread(fd.get(), content.data() + done, content.size() - done, static_cast<off_t>(done)),
                "reading it");
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    content.resize(done);
    return content;
  }

  void guarded_copy(const std::string& path) {
    size_t before = plan_.size();
    try {
      copy(path, 0);
    } catch (const Error& error) {
      plan_.resize(before);  // all of it or nothing
      log_warn("left out of the host image", {{"path", "/" + path}, {"error", error.message()}});
    }
  }

  void copy(const std::string& path, int depth) {
    if (never(path)) return;
    if (depth > kMaxDepth) throw Error(ErrorCode::too_large, "copying " + path + ": too deep");
    struct stat st{};
    check(::fstatat(machine_, path.c_str(), &st, AT_SYMLINK_NOFOLLOW), "looking at " + path);
    if (S_ISLNK(st.st_mode)) return copy_link(path);
    if (S_ISREG(st.st_mode)) {
      if ((st.st_mode & S_IROTH) == 0) return;
      if (auto content = followed(path)) file(path, std::move(*content));
      return;
    }
    if (!S_ISDIR(st.st_mode) || (st.st_mode & S_IXOTH) == 0) return;
    plan_.push_back({Kind::directory, path, 0755});
    Fd directory = sys::open_beneath(machine_, path, O_RDONLY | O_DIRECTORY);
    for (const std::string& name : sys::list_directory(directory.get())) copy(path + "/" + name, depth + 1);
  }

  // A link stays a link where its target is there in the sandbox too; otherwise the file behind it is copied.
  void copy_link(const std::string& path) {
    std::string target = read_link(path);
    std::string resolved = resolved_text(path, target);
    std::string first = resolved.substr(0, resolved.find('/'));
    bool in_system =
        first == "usr" || std::ranges::find(kSystemDirectories, first) != std::end(kSystemDirectories);
    bool in_etc = false;
    if (first == "etc" && resolved.size() > 4) {
      std::string inside = resolved.substr(4);
      in_etc = allowed(inside.substr(0, inside.find('/'))) && !never_below(resolved);
    }
    if (in_system || in_etc) {
      plan_.push_back({Kind::symlink, path, 0777, target});
    } else if (auto content = followed(path)) {
      file(path, std::move(*content));
    }
  }

  int machine_;
  LayerPlan plan_;
  size_t total_ = 0;
};

}  // namespace

LayerPlan plan_host_layer(int machine_root) { return Planner(machine_root).run(); }

}  // namespace osb::launcher
