// A file's new content, invisible until it is complete: written to a nameless (or hidden) file in the same
// directory and put in place by one rename. Whoever reads the name sees the old content or the new, never a
// part. Destroying it uncommitted leaves nothing behind.
//
// Where that cannot be done, the existing file is rewritten in place: a file that is itself a mount point
// (such as /etc/hosts in a container), a directory in which no file may be created, and a file whose owner
// could not be kept (that of another user, for who is not root). A file that the caller may not write is
// refused from the start, though a rename would get past its mode.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "sys/path.h"

namespace osb::execd {

// What shall be set besides the content. Empty members: what the file had before; for a new file mode 0777
// less the umask, and the daemon's own ids.
struct FileAttributes {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

class StagedFile {
 public:
  // For a write to the absolute path; symbolic links are followed, missing parents are made (0755). Throws
  // Error: invalid if something else than a regular file is there.
  // With `nameless` the content has no name until the commit, if the file system can do that.
  explicit StagedFile(const std::string& path, FileAttributes attributes = {},
                      bool nameless = can_be_nameless());
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;

  void write(std::string_view bytes);
  // Puts the content in place. On an error nothing has changed (unless it is rewritten in place).
  void commit();
  // A nameless file may have to be named through /proc.
  static bool can_be_nameless();
  // Until the commit the content has a name, where nameless files cannot be made.
  bool hides_a_name() const { return !hidden_.empty(); }
  // The destructor leaves that name alone.
  void abandon() { hidden_.clear(); }

 private:
  void open_hidden(mode_t mode, bool nameless);
  void require_writable() const;
  bool give_attributes(int fd) const;
  bool try_link(const std::string& name) const;
  void rewrite_in_place();
  void fail(std::string_view doing) const;

  std::string path_;
  FileAttributes attributes_;
  sys::Place place_;
  std::optional<struct stat> before_;
  Fd fd_;
  std::string hidden_;     // name of the hidden file, empty while it is nameless
  bool in_place_ = false;  // fd_ is the file itself
};

}  // namespace osb::execd
