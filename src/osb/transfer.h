// Files and directories into a sandbox and out of it.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

namespace osb::cli {

struct TransferOptions {
  bool progress = true;  // on a terminal
  std::stop_token stop;
};

struct TransferResult {
  uint64_t files = 0, bytes = 0;
  std::vector<std::string> skipped;  // links to directories, devices: for a warning
};

// `local` ("-": standard input) to `remote`. An existing directory as `remote`, or one with a slash at its
// end, takes it in under its own name. Modes are kept, missing directories made, files appear whole or not at
// all. Throws Problem.
TransferResult upload(const opensandbox::Files& files, const std::string& local, const std::string& remote,
                      const TransferOptions& options);
// The other way round; "-" is standard output. Files that are no files (devices, pipes) are written to,
// others are replaced when all has come.
TransferResult download(const opensandbox::Files& files, const std::string& remote, const std::string& local,
                        const TransferOptions& options);

}  // namespace osb::cli
