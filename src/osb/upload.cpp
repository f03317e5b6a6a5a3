#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "base/fd.h"
#include "osb/problem.h"
#include "osb/progress.h"
#include "osb/remote_path.h"
#include "osb/transfer.h"

namespace osb::cli {

namespace {

namespace fs = std::filesystem;

// One request carries this much, so that thousands of small files are not thousands of requests.
constexpr uint64_t kBatchBytes = 8 << 20;
constexpr size_t kBatchFiles = 200;

[[noreturn]] void fail_upload(const std::string& doing, const std::string& path) {
  throw Problem("FILE", doing + " " + path + ": " + ::strerror(errno));
}

struct LocalFile {
  std::string path, remote;
  uint64_t size = 0;
  int mode = 0;  // digits
};

struct Plan {
  std::vector<std::string> directories;
  std::vector<LocalFile> files;
  uint64_t bytes = 0;
};

// 0644 as the digits 644.
int digits_of(mode_t mode) {
  return static_cast<int>((mode >> 6 & 7) * 100 + (mode >> 3 & 7) * 10 + (mode & 7));
}

void add_file(Plan& plan, const std::string& path, const std::string& remote, const struct stat& status) {
  plan.files.push_back({path, remote, static_cast<uint64_t>(status.st_size), digits_of(status.st_mode)});
  plan.bytes += static_cast<uint64_t>(status.st_size);
}

void add_directory(Plan& plan, const std::string& local, const std::string& remote, TransferResult& result) {
  plan.directories.push_back(remote);
  std::error_code error;
  fs::directory_iterator entries(local, error);
  if (error) throw Problem("FILE", "reading " + local + ": " + error.message());
  for (const fs::directory_entry& entry : entries) {
    std::string path = entry.path().string(), target = join_path(remote, entry.path().filename().string());
    struct stat status;
    if (::stat(path.c_str(), &status) < 0 || (S_ISDIR(status.st_mode) && entry.is_symlink()) ||
        !(S_ISDIR(status.st_mode) || S_ISREG(status.st_mode))) {
      result.skipped.push_back(path);
    } else if (S_ISDIR(status.st_mode)) {
      add_directory(plan, path, target, result);
    } else {
      add_file(plan, path, target, status);
    }
  }
}

// The bytes of a descriptor as they are asked for, counted.
opensandbox::ByteSource source_of(std::shared_ptr<Fd> file, std::shared_ptr<Progress> progress,
                                  std::string path) {
  return [file, progress, path](std::span<char> room) -> size_t {
    while (true) {
      ssize_t count = ::read(file->get(), room.data(), room.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_upload("reading", path);
      progress->add(static_cast<uint64_t>(count));
      return static_cast<size_t>(count);
    }
  };
}

// Opened when its turn comes: a batch may name more files than may be open at once.
opensandbox::ByteSource lazy_source(const LocalFile& file, std::shared_ptr<Progress> progress) {
  auto inner = std::make_shared<opensandbox::ByteSource>();
  return [inner, progress, path = file.path](std::span<char> room) -> size_t {
    if (!*inner) {
      auto opened = std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!*opened) fail_upload("opening", path);
      progress->name(path);
      *inner = source_of(opened, progress, path);
    }
    size_t count = (*inner)(room);
    if (count == 0) *inner = [](std::span<char>) { return size_t{0}; };  // closes the file
    return count;
  };
}

void send(const opensandbox::Files& files, const Plan& plan, const TransferOptions& options) {
  if (!plan.directories.empty()) files.make_directories(plan.directories, {}, options.stop);
  auto progress = std::make_shared<Progress>("", plan.bytes, options.progress);
  std::vector<opensandbox::FileWrite> batch;
  uint64_t bytes = 0;
  auto flush = [&] {
    files.write(std::move(batch), {}, options.stop);
    batch.clear();
    bytes = 0;
  };
  for (const LocalFile& file : plan.files) {
    batch.push_back({.path = file.remote,
                     .source = lazy_source(file, progress),
                     .size = file.size,
                     .permissions = {.mode = file.mode}});
    bytes += file.size;
    if (bytes >= kBatchBytes || batch.size() >= kBatchFiles) flush();
  }
  if (!batch.empty()) flush();
}

bool is_directory(const opensandbox::Files& files, const std::string& path, std::stop_token stop) {
  try {
    return files.info(path, stop).type == "directory";
  } catch (const opensandbox::Error& error) {
    if (error.code() == opensandbox::ErrorCode::not_found) return false;
    throw;
  }
}

TransferResult send_input(const opensandbox::Files& files, const std::string& remote,
                          const TransferOptions& options) {
  auto progress = std::make_shared<Progress>("standard input", 0, options.progress);
  std::vector<opensandbox::FileWrite> one;
  TransferResult result{.files = 1};
  auto source = source_of(std::make_shared<Fd>(::dup(STDIN_FILENO)), progress, "standard input");
  one.push_back({.path = remote,
                 .source =
                     [source, &result](std::span<char> room) {
                       size_t count = source(room);
                       result.bytes += count;
                       return count;
                     },
                 .permissions = {.mode = 644}});
  files.write(std::move(one), {}, options.stop);
  return result;
}

}  // namespace

TransferResult upload(const opensandbox::Files& files, const std::string& local, const std::string& remote,
                      const TransferOptions& options) {
  bool into = remote.ends_with("/") || is_directory(files, remote, options.stop);
  if (local == "-") {
    if (into) throw Problem("FILE", "writing " + remote + ": it is a directory", "name the file in it");
    return send_input(files, remote, options);
  }
  struct stat status;
  if (::stat(local.c_str(), &status) < 0) fail_upload("reading", local);
  std::error_code error;
  std::string name = base_name(fs::absolute(local, error).lexically_normal().string());
  std::string target = into ? join_path(remote, name) : remote;
  TransferResult result;
  Plan plan;
  if (S_ISDIR(status.st_mode)) {
    add_directory(plan, local, target, result);
  } else if (S_ISREG(status.st_mode)) {
    add_file(plan, local, target, status);
  } else {
    throw Problem("FILE", "reading " + local + ": it is neither a file nor a directory",
                  "osb cp - SANDBOX:PATH reads standard input");
  }
  result.files = plan.files.size();
  result.bytes = plan.bytes;
  send(files, plan, options);
  return result;
}

}  // namespace osb::cli
