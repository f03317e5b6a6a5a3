#include "sys/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "base/error.h"
#include "base/fd.h"

namespace osb::sys {

namespace {
std::optional<std::string> read_all(int fd, size_t limit) {
  std::string text;
  char buffer[4096];
  while (text.size() < limit) {
    ssize_t n = ::read(fd, buffer, std::min(sizeof buffer, limit - text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}
}  // namespace

std::optional<std::string> try_read_text(int dirfd, const std::string& path, size_t limit) {
  Fd fd(::openat(dirfd, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return std::nullopt;
  return read_all(fd.get(), limit);
}

std::string read_text(int dirfd, const std::string& path, size_t limit) {
  auto text = try_read_text(dirfd, path, limit);
  if (!text) throw system_error("reading " + path);
  return *std::move(text);
}

bool try_write_text(int dirfd, const std::string& path, std::string_view text) {
  Fd fd(::openat(dirfd, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  return fd && write_all(fd.get(), text);
}

void write_text(int dirfd, const std::string& path, std::string_view text) {
  if (!try_write_text(dirfd, path, text)) throw system_error("writing " + path);
}

void create_text(int dirfd, const std::string& path, std::string_view text, unsigned mode) {
  Fd fd(::openat(dirfd, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd || !write_all(fd.get(), text)) throw system_error("creating " + path);
}

std::optional<int64_t> keyed_number(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || line.size() <= key.size()) continue;
    std::string_view rest = line.substr(key.size());
    if (rest.front() != ' ' && rest.front() != ':' && rest.front() != '\t') continue;
    rest.remove_prefix(std::min(rest.find_first_not_of(" :\t"), rest.size()));
    int64_t value = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), value).ec == std::errc()) return value;
  }
  return std::nullopt;
}

}  // namespace osb::sys
