// The file API of execd: /files/… and /directories….
//
// There is no allow-list: the sandbox is the boundary, and the API may do what the daemon's user may do
// inside it. Handlers only move bytes and wait; whatever touches the disk runs on helper threads (see
// workers.h).
#pragma once

#include <map>
#include <string>

#include "execd/executions.h"
#include "execd/files/watches.h"
#include "http/router.h"

namespace osb::execd {

struct FileServiceOptions {
  std::string working_directory = "/";     // where relative paths start
  std::map<std::string, std::string> env;  // HOME for "~", and the names that "$NAME" in paths may use
  WatchLimits watch_limits = {};
};

// Every route also under /v1/filesystem/{uid}/{gid}: there the file calls are those of that user.
// `executions`, which keep the events of watches, outlive the router.
void add_file_routes(http::Router& router, Executions& executions, FileServiceOptions options);

}  // namespace osb::execd
