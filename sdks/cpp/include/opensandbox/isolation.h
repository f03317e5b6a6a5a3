// Isolated sessions: shells inside a sandbox that are walled off once more.
#pragma once

#include <opensandbox/execution.h>
#include <opensandbox/files.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace opensandbox {

namespace detail {
struct Link;
}

/// The directory that a session works in.
struct IsolatedWorkspace {
  std::string path;  ///< absolute
  std::string mode;  ///< "rw", "overlay" or "ro"; empty: the daemon's default
};

/// A directory over which a session writes on its own.
struct IsolatedOverlay {
  std::string path;             ///< absolute
  std::string mode;             ///< as of a workspace
  std::optional<bool> persist;  ///< whether what it writes stays
};

/// A directory that a session sees.
struct IsolatedBind {
  std::string source;
  std::string dest;  ///< under which name; empty: the same
  std::optional<bool> read_only;
};

/// Which variables of the daemon a session gets.
struct EnvPassthrough {
  std::string mode = "deny";       ///< "allow": only these; "deny": all but these
  std::vector<std::string> names;  ///< of variables
};

/// How a session is walled off. `workspace` or `overlays` must be there; what is not given is up to the
/// daemon.
struct IsolatedOptions {
  std::optional<IsolatedWorkspace> workspace;
  std::vector<IsolatedOverlay> overlays;
  std::string profile;                      ///< "strict" or "balanced"
  std::vector<std::string> extra_writable;  ///< more directories that it may write
  std::vector<IsolatedBind> binds;
  std::optional<bool> share_net;  ///< whether it has the network of the sandbox
  std::optional<EnvPassthrough> env_passthrough;
  std::optional<uint32_t> uid, gid;     ///< as whom it runs
  std::string uid_mode;                 ///< "setpriv" or "userns"
  std::optional<Seconds> idle_timeout;  ///< it ends after so long without a run
};

struct IsolatedInfo {
  std::string session_id;
  std::string status;  ///< "active", "dead" or "destroyed"; empty in the answer to create()
  std::optional<Time> created_at, last_run_at;
  std::optional<Seconds> idle_remaining;
  IsolatedOptions options;  ///< how it was made; not in lists
};

/// How a text is run in a session.
struct IsolatedRunOptions {
  std::map<std::string, std::string> env;
  std::optional<Seconds> timeout;  ///< then it is interrupted; not for background runs
};

/// A run that goes on by itself.
struct IsolatedRun {
  std::string session_id, run_id;
  std::optional<Time> started_at;
};

struct IsolatedRunStatus {
  std::string session_id, run_id;
  bool running = false;
  std::optional<int> exit_code;  ///< when it has ended
  std::string error;             ///< why it did not end well; empty otherwise
  std::optional<Time> started_at, finished_at;
};

struct IsolatedLogs {
  std::string content;  ///< stdout and stderr together
  int64_t cursor = 0;   ///< bytes, for the next call
};

/// "active", "degraded", "disabled" or "unsupported"; both are empty where the daemon tells nothing.
struct HardeningLayer {
  std::string state, message;
};

/// Which walls stand.
struct Hardening {
  std::string init_mode;  ///< "pid1", "subreaper" or "none"
  bool signal_shield = false;
  HardeningLayer cap_drop, seccomp, landlock, ebpf;
};

/// Whether there are isolated sessions, and of which kind.
struct IsolatedCapabilities {
  bool available = false;
  std::string isolator, version;
  std::string message;  ///< why there are none
  bool setpriv_available = false, userns_available = false;
  bool commit_supported = false, diff_supported = false;
  std::optional<Hardening> hardening;
};

/// One isolated session: a shell that keeps its variables from run to run. Made by Isolation; letting go of
/// it does not end it. Copies are the same session. Thread-safe; runs of one session take turns. Throws Error
/// as Commands does.
class IsolatedSession {
 public:
  const std::string& id() const { return info_.session_id; }
  /// As it was when this was made.
  const IsolatedInfo& info() const { return info_; }
  /// As it is now.
  IsolatedInfo get(std::stop_token stop = {}) const;

  /// Run a shell text to its end.
  Execution run(const std::string& code, const IsolatedRunOptions& options = {},
                const Handlers& handlers = {}, std::stop_token stop = {}) const;
  /// Start a shell text and return. Throws invalid_argument for a time limit.
  IsolatedRun run_background(const std::string& code, const IsolatedRunOptions& options = {},
                             std::stop_token stop = {}) const;
  IsolatedRunStatus run_status(const std::string& run_id, std::stop_token stop = {}) const;
  /// What a background run has printed, from byte `cursor` on.
  IsolatedLogs run_logs(const std::string& run_id, int64_t cursor = 0, std::stop_token stop = {}) const;

  /// Files as the session sees them. Throws invalid_argument if the id of the session is no UUID.
  Files files() const;
  /// End it with all that runs in it.
  void remove(std::stop_token stop = {}) const;

  IsolatedSession(std::shared_ptr<detail::Link> link, IsolatedInfo info)
      : link_(std::move(link)), info_(std::move(info)) {}

 private:
  std::shared_ptr<detail::Link> link_;
  IsolatedInfo info_;
};

/// Isolated sessions of a sandbox; `sandbox.isolation()`. A light handle, to be copied freely. Thread-safe.
///
///     if (sandbox.isolation().capabilities().available)
///       sandbox.isolation().run_once("make test", {.workspace = IsolatedWorkspace{"/workspace",
///       "overlay"}});
class Isolation {
 public:
  IsolatedCapabilities capabilities(std::stop_token stop = {}) const;
  /// Make a session. Throws `refused` with the server's code NOT_SUPPORTED where there are none,
  /// invalid_argument without workspace and overlays.
  IsolatedSession create(const IsolatedOptions& options, std::stop_token stop = {}) const;
  /// Use a session that there is already. Throws not_found.
  IsolatedSession attach(const std::string& session_id, std::stop_token stop = {}) const;
  std::vector<IsolatedInfo> list(std::stop_token stop = {}) const;
  /// Run a text in a session of its own, which is ended whatever happens.
  Execution run_once(const std::string& code, const IsolatedOptions& options,
                     const IsolatedRunOptions& run_options = {}, const Handlers& handlers = {},
                     std::stop_token stop = {}) const;

  explicit Isolation(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
