// A sandbox: a private machine to run commands in, move files to and from, look at, and throw away.
#pragma once

#include <opensandbox/codes.h>
#include <opensandbox/commands.h>
#include <opensandbox/egress.h>
#include <opensandbox/files.h>
#include <opensandbox/isolation.h>
#include <opensandbox/sandbox_types.h>
#include <opensandbox/terminal.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

namespace opensandbox {

/// Made by create(), connect() or resume(). Destroying it (or letting go of all copies) closes connections
/// only; kill() ends the sandbox. Copies are the same sandbox. Thread-safe.
///
///     auto sandbox = opensandbox::Sandbox::create({.image = "host"});
///     std::cout << sandbox.commands().run("echo hello").text() << '\n';
///     sandbox.kill();
///
/// All methods throw Error. Every wait ends after ConnectionConfig::request_timeout, and at once, with
/// `cancelled`, when `stop` is asked to stop.
class Sandbox {
 public:
  /// Make a sandbox and wait until it is ready. If it does not become ready, or this is stopped while waiting
  /// for that, it is killed. (Stopped before the server has answered, nobody knows its id: it ends by its
  /// timeout.) Throws not_ready, capacity, unauthorized, invalid_argument and what else the server says.
  static Sandbox create(const CreateOptions& options, const ConnectionConfig& config = {},
                        std::stop_token stop = {});
  /// Use a sandbox that there is already. Throws not_found, conflict when it has ended or is paused.
  static Sandbox connect(const std::string& id, const ConnectionConfig& config = {},
                         const Readiness& readiness = {}, std::stop_token stop = {});
  /// Let a paused sandbox run again, and use it. Throws conflict when it is not paused.
  static Sandbox resume(const std::string& id, const ConnectionConfig& config = {},
                        const Readiness& readiness = {}, std::stop_token stop = {});

  const std::string& id() const;
  const ConnectionConfig& config() const;

  /// The sandbox as the server sees it.
  SandboxInfo info(std::stop_token stop = {}) const;
  /// Where a port is reached, 1 to 65535; nothing need listen there.
  Endpoint endpoint(uint16_t port, std::stop_token stop = {}) const;
  /// An address that works without headers until `expires`; not offered by every server.
  Endpoint signed_endpoint(uint16_t port, Time expires, std::stop_token stop = {}) const;
  /// Let it end `timeout` from now; gives the new end. Throws conflict if it has no end.
  Time renew(Seconds timeout, std::stop_token stop = {}) const;
  SandboxInfo patch_metadata(const MetadataPatch& patch, std::stop_token stop = {}) const;
  /// Freeze all programs; Sandbox::resume lets them go on.
  void pause(std::stop_token stop = {}) const;
  /// End it with everything in it. Throws not_found if it has ended already.
  void kill(std::stop_token stop = {}) const;
  /// Begin to make a snapshot; `name` may be empty.
  SnapshotInfo create_snapshot(const std::string& name = {}, std::stop_token stop = {}) const;

  /// Whether the daemon answers, or the check of its Readiness says yes. Never throws for a failure of these.
  bool healthy(std::stop_token stop = {}) const;
  /// Wait until it is ready; not_ready if it is not in time.
  void wait_ready(const Readiness& readiness = {}, std::stop_token stop = {}) const;

  /// Commands and shell sessions.
  Commands commands() const;
  /// Files and directories.
  Files files() const;
  /// The same as another user sees and may change them: the kernel checks and owns as that user and group
  /// would.
  Files files_as(uint32_t uid, uint32_t gid) const;
  /// Code in contexts.
  Codes codes() const;
  /// Shells that are walled off once more.
  Isolation isolation() const;
  /// Terminals.
  Terminals terminals() const;
  /// What it may reach.
  Egress egress() const;
  /// Credentials of its requests.
  CredentialVault vault() const;

  /// CPU and memory.
  Metrics metrics(std::stop_token stop = {}) const;
  /// A sample every second, on the calling thread, until `stop` is asked to stop (which is no error here) or
  /// the connection ends (which is one).
  void watch_metrics(const std::function<void(const Metrics&)>& handler, std::stop_token stop) const;
  /// Logs or events that the server kept. `scope`: "container", "runtime" or "all".
  Diagnostics diagnostic_logs(const std::string& scope = "all", std::stop_token stop = {}) const;
  Diagnostics diagnostic_events(const std::string& scope = "all", std::stop_token stop = {}) const;

  explicit Sandbox(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}
  const std::shared_ptr<detail::Link>& link() const { return link_; }

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
