#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"
#include "osb/output.h"
#include "osb/problem.h"
#include "osb/progress.h"
#include "osb/remote_path.h"
#include "osb/transfer.h"

namespace osb::cli {

namespace {

namespace fs = std::filesystem;
using opensandbox::FileInfo;
using opensandbox::Files;

constexpr int kDeepest = 1000;

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
  throw Problem("FILE", doing + " " + path + ": " + ::strerror(errno));
}

mode_t mode_of(int digits) {
  return static_cast<mode_t>((digits / 100 % 10 & 7) << 6 | (digits / 10 % 10 & 7) << 3 | (digits % 10 & 7));
}

// A new file beside the one that it will replace; without commit() nothing has happened.
class Replacement {
 public:
  explicit Replacement(std::string path) : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {
    file_ = Fd(::mkostemp(temporary_.data(), O_CLOEXEC));
    if (!file_) fail("writing", path_);
  }
  ~Replacement() {
    if (!committed_) ::unlink(temporary_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  int descriptor() const { return file_.get(); }
  void commit(mode_t mode) {
    if (::fchmod(file_.get(), mode) < 0 || ::rename(temporary_.c_str(), path_.c_str()) < 0)
      fail("writing", path_);
    committed_ = true;
  }

 private:
  std::string path_, temporary_;
  Fd file_;
  bool committed_ = false;
};

class Reception {
 public:
  Reception(const Files& files, const TransferOptions& options, uint64_t total)
      : files_(files), options_(options), progress_("", total, options.progress) {}

  void stream(const std::string& remote, int descriptor) {
    progress_.name(remote);
    files_.read_to(
        remote,
        [&](std::string_view bytes) {
          write_all(descriptor, bytes);
          result.bytes += bytes.size();
          progress_.add(bytes.size());
        },
        {}, {}, options_.stop);
    ++result.files;
  }

  // What is there and no file (a device, a pipe) is written to as it is.
  void file(const FileInfo& info, const std::string& local) {
    struct stat status;
    bool special = ::stat(local.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
    if (special) {
      Fd out(::open(local.c_str(), O_WRONLY | O_CLOEXEC));
      if (!out) fail("writing", local);
      return stream(info.path, out.get());
    }
    Replacement replacement(local);
    stream(info.path, replacement.descriptor());
    replacement.commit(mode_of(info.mode));
  }

  TransferResult result;

 private:
  const Files& files_;
  const TransferOptions& options_;
  Progress progress_;
};

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) < 0 && errno != EEXIST) fail("making", path);
}

uint64_t total_of(const std::vector<FileInfo>& entries) {
  uint64_t bytes = 0;
  for (const FileInfo& entry : entries)
    if (entry.type == "file") bytes += static_cast<uint64_t>(entry.size);
  return bytes;
}

TransferResult receive_directory(const Files& files, const FileInfo& root, const std::string& local,
                                 const TransferOptions& options) {
  std::vector<FileInfo> entries = files.list(root.path, kDeepest, options.stop);
  std::sort(entries.begin(), entries.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  Reception reception(files, options, total_of(entries));
  make_directory(local);
  for (const FileInfo& entry : entries) {
    std::optional<std::string> relative = below(root.path, entry.path);
    if (!relative) throw Problem("PROTOCOL", "listing " + root.path + ": " + entry.path + " is not in it");
    std::string target = join_path(local, *relative);
    if (entry.type == "directory") {
      make_directory(target);
    } else if (entry.type == "file") {
      reception.file(entry, target);
    } else {
      reception.result.skipped.push_back(entry.path);
    }
  }
  return reception.result;
}

}  // namespace

TransferResult download(const Files& files, const std::string& remote, const std::string& local,
                        const TransferOptions& options) {
  if (local == "-") {
    Reception reception(files, options, 0);
    reception.stream(remote, STDOUT_FILENO);
    return reception.result;
  }
  FileInfo info = files.info(remote, options.stop);
  info.path = remote.size() > 1 && remote.ends_with("/") ? remote.substr(0, remote.find_last_not_of('/') + 1)
                                                         : remote;
  std::error_code error;
  bool into = local.ends_with("/") || fs::is_directory(local, error);
  if (into) make_directory(local);
  std::string target = into ? join_path(local, base_name(remote)) : local;
  if (info.type == "directory") return receive_directory(files, info, target, options);
  Reception reception(files, options, info.type == "file" ? static_cast<uint64_t>(info.size) : 0);
  reception.file(info, target);
  return reception.result;
}

}  // namespace osb::cli
