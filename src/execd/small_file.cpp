#include "execd/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace osb::execd {

std::optional<std::string> read_small_file(const std::string& path, size_t limit) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::string out;
  char buffer[4096];
  while (out.size() < limit) {
    ssize_t n = ::read(file.get(), buffer, std::min(sizeof buffer, limit - out.size()));
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

}  // namespace osb::execd
