// The directory of one sandbox below STATE/launcher/sandboxes:
//   upper, work                 writable part of its root ("usr.upper", "usr.work" … of further layers)
//   log                         what execd says on its standard output and error
// and in `upper` the few files that differ per sandbox: hostname, hosts, resolv.conf.
//
// It may be made before anybody asks for a sandbox, under a name of its own, and gets the id's name later.
//
// /tmp is a directory of the root, not a tmpfs: files there may be large, and pages of a tmpfs count as the
// sandbox's memory until they are deleted.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/site.h"

namespace osb::launcher {

class SandboxFiles {
 public:
  // Makes the directory; throws Error, and leaves nothing then. The object does not remove it when dropped.
  static SandboxFiles create(const Site& site, const std::string& name, bool host_image);
  // Writes the files that differ per sandbox, once. They exist from the start, empty: its root may be mounted
  // already, and a file that somebody had looked for in it would stay missing there. Throws Error.
  void identify(const std::string& id, const std::string& address, const std::string& resolv_conf);
  // Gives the directory another name. Throws Error.
  void rename(const Site& site, const std::string& name);

  const std::string& name() const { return name_; }
  int directory() const { return directory_.get(); }
  int log() const { return log_.get(); }
  void close_log() { log_.reset(); }
  // The end of the log, for error messages: printable, at most some hundred bytes.
  std::string log_tail() const;

 private:
  std::string name_;
  Fd directory_;
  Fd log_;
};

}  // namespace osb::launcher
