#include "execd/command/command_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/ids.h"

namespace osb::execd {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kKeptInMemory = 8 * 1024 * 1024;

Fd open_unnamed_file() {
  const char* preferred = ::getenv("TMPDIR");
  for (const char* directory : {preferred, "/tmp", "/var/tmp"}) {
    if (!directory) continue;
    if (Fd file{::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)}) return file;
    if (Fd file = open_unlinked_file(directory)) return file;  // overlayfs before Linux 6.1
  }
  return {};
}

}  // namespace

Fd open_unlinked_file(const std::string& directory) {
  std::string path = directory + "/.execd-log-" + new_hex_id();
  Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600));
  if (file) ::unlink(path.c_str());
  return file;
}

CommandLog::CommandLog(uint64_t kept_bytes) : file_(open_unnamed_file()), kept_bytes_(kept_bytes) {
  if (file_) return;
  file_ = Fd(check(::memfd_create("command log", MFD_CLOEXEC), "making a command log"));
  kept_bytes_ = std::min(kept_bytes, kKeptInMemory);
}

void CommandLog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(end_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {  // no space: go on behind the gap, so that offsets stay true
      end_ += bytes.size();
      forget_before(end_);
      return;
    }
    end_ += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (size() > kept_bytes_) forget_before((end_ - kept_bytes_ * 3 / 4) / kBlock * kBlock);
}

void CommandLog::forget_before(uint64_t offset) {
  uint64_t whole_blocks = offset / kBlock * kBlock;
  if (whole_blocks > 0)
    ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(whole_blocks));
  first_ = offset;
}

size_t CommandLog::read(uint64_t offset, std::span<char> into) const {
  offset = std::max(offset, first_);
  if (offset >= end_) return 0;
  size_t wanted = static_cast<size_t>(std::min<uint64_t>(into.size(), end_ - offset));
  ssize_t n = ::pread(file_.get(), into.data(), wanted, static_cast<off_t>(offset));
  return static_cast<size_t>(check(n, "reading a command log"));
}

}  // namespace osb::execd
