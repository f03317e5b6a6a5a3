#include "launcher/sandbox_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/text_file.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr size_t kTail = 400;

Fd make(int dir, const std::string& name, mode_t mode) {
  check(::mkdirat(dir, name.c_str(), mode), "making directory " + name);
  Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  check(fd.get(), "opening directory " + name);
  check(::fchmod(fd.get(), mode), "setting the mode of " + name);  // whatever the umask is
  return fd;
}

}  // namespace

SandboxFiles SandboxFiles::create(const Site& site, const std::string& name, bool host_image) {
  SandboxFiles files;
  files.name_ = name;
  if (::mkdirat(site.sandboxes.get(), name.c_str(), 0700) != 0)
    throw system_error("making the sandbox's directory");
  try {
    files.directory_ =
        Fd(::openat(site.sandboxes.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    int directory = check(files.directory_.get(), "opening the sandbox's directory");
    Fd upper = make(directory, "upper", 0755);
    make(directory, "work", 0700);
    make(upper.get(), "tmp", 01777);
    Fd etc = make(upper.get(), "etc", 0755);
    for (const char* name : {"hostname", "hosts", "resolv.conf"}) sys::create_text(etc.get(), name, "");
    if (host_image) {
      for (const Layer& layer : site.host_layers) {
        make(directory, layer.name + ".upper", 0755);
        make(directory, layer.name + ".work", 0700);
      }
    }
    files.log_ = Fd(::openat(directory, "log", O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    check(files.log_.get(), "making the sandbox's log");
  } catch (const Error&) {
    sys::remove_tree(site.sandboxes.get(), name);
    throw;
  }
  return files;
}

void SandboxFiles::rename(const Site& site, const std::string& name) {
  int sandboxes = site.sandboxes.get();
  check(::renameat2(sandboxes, name_.c_str(), sandboxes, name.c_str(), RENAME_NOREPLACE),
        "naming the sandbox's directory");
  name_ = name;
}

void SandboxFiles::identify(const std::string& id, const std::string& address,
                            const std::string& resolv_conf) {
  Fd etc(::openat(directory_.get(), "upper/etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  check(etc.get(), "opening the sandbox's /etc");
  sys::write_text(etc.get(), "hostname", id + "\n");
  sys::write_text(
      etc.get(), "hosts",
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" + address + "\t" + id + "\n");
  sys::write_text(etc.get(), "resolv.conf", resolv_conf);
}

std::string SandboxFiles::log_tail() const {
  Fd log(::openat(directory_.get(), "log", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (!log || ::fstat(log.get(), &info) != 0 || info.st_size == 0) return {};
  std::string text(kTail, '\0');
  ssize_t n = ::pread(log.get(), text.data(), text.size(),
                      std::max<off_t>(0, info.st_size - static_cast<off_t>(kTail)));
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace osb::launcher
