// Files and directories of a sandbox.
#pragma once

#include <opensandbox/connection.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace opensandbox {

namespace detail {
struct Link;
struct Watching;
}  // namespace detail

/// Fills the room from its front and gives how many bytes; 0 at the end. What it throws ends the call.
using ByteSource = std::function<std::size_t(std::span<char> room)>;
/// Takes the next bytes. While it works nothing more is read. What it throws ends the call.
using ByteSink = std::function<void(std::string_view bytes)>;
/// Bytes so far, and all of them where that is known. Called on the calling thread after each piece.
using Progress = std::function<void(uint64_t done, std::optional<uint64_t> total)>;

/// A file mode as people write it: 644, or the octal literal 0644, both rw-r--r--. Numbers that make sense
/// only as the value of an octal literal are taken for one; the few that could be both are read as the
/// literal (0644 is 420). Throws Error(invalid_argument) for what is no mode. Gives the digits: 644.
int mode_digits(int mode);

struct FileInfo {
  std::string path;
  std::string type;   ///< "file", "directory", "symlink" or "other"
  int64_t size = 0;   ///< bytes
  int mode = 0;       ///< digits: 644 for rw-r--r--
  std::string owner;  ///< name, or number without a name
  std::string group;
  std::optional<Time> modified_at;
  std::optional<Time> created_at;  ///< last change of the inode
};

/// Owner, group and mode. Empty and not given members stay as they are, or get the daemon's defaults.
struct Permissions {
  int mode = 755;     ///< see mode_digits
  std::string owner;  ///< name or number
  std::string group;
};

/// A file to be written; it appears complete or not at all, with missing directories made.
struct FileWrite {
  std::string path;
  std::string data;
  ByteSource source = {};             ///< in place of `data`
  std::optional<uint64_t> size = {};  ///< of all that `source` gives; sent in chunks without
  Permissions permissions = {};
};

/// Which part of a file; all of it by default. Lines and bytes exclude each other.
struct ReadOptions {
  std::optional<uint64_t> first_byte;  ///< from 0
  std::optional<uint64_t> last_byte;   ///< included; default: the last one
  std::optional<uint64_t> first_line;  ///< from 1
  std::optional<uint64_t> lines;       ///< default: all from `first_line` on
};

struct Move {
  std::string from;
  std::string to;  ///< must be free
};

struct Replacement {
  std::string path, old_text, new_text;
};

/// One change of a watched file or directory.
struct FileChange {
  std::string type;      ///< created, modified, attributes, deleted, moved, or overflow: some were missed
  std::string path;      ///< not of `moved`
  std::string from, to;  ///< only of `moved`
  std::string
      reason;  ///< only of `overflow`: "queue" (look at the tree again) or "watches" (not all is watched)
  bool directory = false;
  int64_t timestamp = 0;  ///< Unix milliseconds
};

/// A watch, made by Files::watch. A broken connection is mended without losing changes. Destroying it ends
/// it. Used by one thread at a time.
class FileWatch {
 public:
  explicit FileWatch(std::unique_ptr<detail::Watching> watching);
  ~FileWatch();
  FileWatch(FileWatch&&) noexcept;
  FileWatch& operator=(FileWatch&&) noexcept;

  /// The next change; nothing after `timeout`, or when the watch has ended (see ended()). Throws `failed`
  /// when the sandbox cannot watch any more, `cancelled`, `unreachable`.
  std::optional<FileChange> next(Milliseconds timeout = Milliseconds::max(), std::stop_token stop = {});
  bool ended() const;

 private:
  std::unique_ptr<detail::Watching> watching_;
};

/// Reads and writes files; `sandbox.files()`. A light handle, to be copied freely. Thread-safe.
///
/// Paths may begin with `~` and hold `$NAME`; relative ones begin at the daemon's working directory. All
/// methods throw Error: not_found, conflict, refused (a directory where a file is needed), unauthorized (HTTP
/// 403) from the sandbox; unreachable, timeout and cancelled as everywhere.
///
///     sandbox.files().write("/tmp/a/b.txt", "text", {.mode = 600});
///     std::string text = sandbox.files().read("/tmp/a/b.txt");
class Files {
 public:
  /// The bytes of a file.
  std::string read(const std::string& path, const ReadOptions& options = {}, std::stop_token stop = {}) const;
  /// The same piece by piece, for files that are too large for memory.
  void read_to(const std::string& path, const ByteSink& sink, const ReadOptions& options = {},
               const Progress& progress = {}, std::stop_token stop = {}) const;
  /// Into a file of this machine, which is replaced when all has come. Throws `internal` when it cannot be
  /// written.
  void download(const std::string& path, const std::filesystem::path& local, const Progress& progress = {},
                std::stop_token stop = {}) const;

  /// Write one file.
  void write(const std::string& path, std::string_view data, const Permissions& permissions = {},
             std::stop_token stop = {}) const;
  /// Write several in one request. Nothing happens for an empty list.
  void write(std::vector<FileWrite> entries, const Progress& progress = {}, std::stop_token stop = {}) const;
  /// A file of this machine. Throws `invalid_argument` when it cannot be read.
  void upload(const std::filesystem::path& local, const std::string& path,
              const Permissions& permissions = {}, const Progress& progress = {},
              std::stop_token stop = {}) const;

  /// By path as it was asked for. Links are described as links. Throws not_found if one is missing.
  std::map<std::string, FileInfo> infos(const std::vector<std::string>& paths,
                                        std::stop_token stop = {}) const;
  FileInfo info(const std::string& path, std::stop_token stop = {}) const;
  bool exists(const std::string& path, std::stop_token stop = {}) const;
  /// What is in a directory, down to `depth` levels.
  std::vector<FileInfo> list(const std::string& path, int depth = 1, std::stop_token stop = {}) const;
  /// Files below a directory whose names match: `*`, `**`, `?`, `[a-z]`, `{a,b}`.
  std::vector<FileInfo> search(const std::string& path, const std::string& pattern,
                               std::stop_token stop = {}) const;

  /// Replace every occurrence of texts in files; how often each was found, by path.
  std::map<std::string, int64_t> replace(const std::vector<Replacement>& replacements,
                                         std::stop_token stop = {}) const;
  void move(const std::vector<Move>& moves, std::stop_token stop = {}) const;
  /// Remove files and links. What is not there counts as removed; directories are refused.
  void remove(const std::vector<std::string>& paths, std::stop_token stop = {}) const;
  /// Remove directories with all that is in them.
  void remove_directories(const std::vector<std::string>& paths, std::stop_token stop = {}) const;
  /// Make directories with their parents; those that exist stay as they are.
  void make_directories(const std::vector<std::string>& paths, const Permissions& permissions = {},
                        std::stop_token stop = {}) const;
  /// Set owner, group and mode; links are followed.
  void set_permissions(const std::map<std::string, Permissions>& entries, std::stop_token stop = {}) const;

  /// Watch a file or directory; with `recursive` all below it. When this returns everything is watched.
  FileWatch watch(const std::string& path, bool recursive = false, std::stop_token stop = {}) const;

  Files(std::shared_ptr<detail::Link> link, std::string prefix)
      : link_(std::move(link)), prefix_(std::move(prefix)) {}

 private:
  std::shared_ptr<detail::Link> link_;
  std::string prefix_;  // of every path: that of an identity, or nothing
};

}  // namespace opensandbox
