#include "net/file_sending.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"

namespace osb::net {

namespace {
constexpr const char* kReading = "reading a file to send it";

size_t read_at(const Fd& file, std::span<char> into, uint64_t offset) {
  ssize_t n;
  do n = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(offset));
  while (n < 0 && errno == EINTR);
  return static_cast<size_t>(check(n, kReading));
}
}  // namespace

FileSending::FileSending(int socket, FileRegion region)
    : socket_(duplicate(socket)), region_(std::move(region)) {}

void FileSending::proceed() {
  sent_ = 0;
  full_ = false;
  uint64_t most = std::min(region_.length, kAtOnce);
  while (sent_ < most) {
    size_t left = static_cast<size_t>(most - sent_);
    ssize_t n = copies_ ? copy_some(left) : send_some(left);
    if (n == 0) return;
    if (n > 0) {
      sent_ += static_cast<uint64_t>(n);
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      full_ = true;
      return;
    } else if (errno == EINVAL || errno == ENOSYS) {
      copies_ = true;
    } else if (errno == EIO) {
      throw system_error(kReading, errno);
    } else if (errno != EINTR) {
      error_ = errno;
      return;
    }
  }
}

ssize_t FileSending::send_some(size_t most) {
  off_t at = static_cast<off_t>(region_.offset + sent_);
  return ::sendfile(socket_.get(), region_.file->get(), &at, most);
}

// What the socket does not take is read again the next time.
ssize_t FileSending::copy_some(size_t most) {
  char block[32 * 1024];
  size_t n = read_at(*region_.file, {block, std::min(most, sizeof block)}, region_.offset + sent_);
  return n == 0 ? 0 : ::send(socket_.get(), block, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void FileBlock::read() {
  bytes_.resize(static_cast<size_t>(std::min<uint64_t>(region_.length, kBytes)));
  bytes_.resize(read_at(*region_.file, bytes_, region_.offset));
}

}  // namespace osb::net
