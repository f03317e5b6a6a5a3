// Plain values about sandboxes: what is asked for, and what the server says.
#pragma once

#include <opensandbox/connection.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace opensandbox {

using StringMap = std::map<std::string, std::string>;

/// Who may fetch a private image.
struct ImageAuth {
  std::string username, password;
};

struct Platform {
  std::string os;    ///< "linux" or "windows"
  std::string arch;  ///< "amd64" or "arm64"
};

/// What a program in a sandbox may reach, or may not.
struct NetworkRule {
  enum class Action { allow, deny };
  Action action = Action::allow;
  std::string target;  ///< a host name, perhaps with a leading "*.", an address or a network
};

/// Rules about what a sandbox may reach; the first that fits counts.
struct NetworkPolicy {
  NetworkRule::Action default_action = NetworkRule::Action::deny;  ///< for what no rule names
  std::vector<NetworkRule> egress;
};

/// A directory of the server's machine.
struct HostVolume {
  std::string path;  ///< absolute
};

/// A persistent volume of the cluster or of Docker.
struct PersistentVolume {
  std::string claim_name;
  bool create_if_not_exists = true;
  bool delete_on_sandbox_termination = false;
  std::optional<std::string> storage_class, storage;  ///< of one that is made
  std::vector<std::string> access_modes;              ///< of one that is made
};

/// A bucket of an object store.
struct BucketVolume {
  std::string bucket, endpoint;
  std::string version = "2.0";
  std::vector<std::string> options;
  std::string access_key_id, access_key_secret;
};

/// Storage that is mounted into a sandbox.
struct Volume {
  std::string name;
  std::variant<HostVolume, PersistentVolume, BucketVolume> source;
  std::string mount_path;  ///< absolute, in the sandbox
  bool read_only = false;
  std::optional<std::string> sub_path;  ///< directory in the volume; not given: all of it
};

/// A program that the sandbox's daemon runs.
struct LifecycleHook {
  std::vector<std::string> command;
  std::optional<Seconds> timeout;  ///< default of the server: 60 s
};

struct PeriodicHook : LifecycleHook {
  std::string name;      ///< unique
  std::string schedule;  ///< "30s", "1m30s", "@every 5m"
};

/// Programs that run before or beside the entrypoint.
struct Lifecycle {
  std::optional<LifecycleHook> pre_start;
  std::vector<PeriodicHook> periodic;
};

class Sandbox;

/// When a new sandbox counts as ready.
struct Readiness {
  Milliseconds timeout{30'000};     ///< from the server's answer on
  Milliseconds longest_pause{200};  ///< between two checks; the first ones come sooner
  bool skip = false;                ///< do not wait
  /// In place of asking the daemon. False and exceptions mean: not yet.
  std::function<bool(Sandbox&)> check;
};

/// A sandbox to be made. Exactly one of `image`, `snapshot_id` and `template_id`.
struct CreateOptions {
  std::string image;        ///< name of an image
  std::string snapshot_id;  ///< or a snapshot
  std::string
      template_id;  ///< or a template, with which only timeout, metadata, network_policy, extensions count
  std::optional<Seconds> timeout = Seconds(600);  ///< it ends by itself after that time; std::nullopt: never
  StringMap env;
  StringMap metadata;                                    ///< labels to find it by
  StringMap resources{{"cpu", "1"}, {"memory", "2Gi"}};  ///< ceilings
  StringMap resource_requests;                           ///< what a scheduler sets aside; empty: the ceilings
  std::vector<std::string> entrypoint;                   ///< empty: {"tail", "-f", "/dev/null"}
  StringMap extensions;                                  ///< settings of a particular server
  std::optional<ImageAuth> image_auth;
  std::optional<Platform> platform;
  std::optional<NetworkPolicy> network_policy;
  std::vector<Volume> volumes;
  Lifecycle lifecycle;
  bool credential_proxy = false;  ///< give it a credential vault
  bool secure_access = false;     ///< protect its ports with a token
  Readiness readiness;
};

/// State of a sandbox or snapshot.
struct Status {
  std::string state;    ///< Pending, Running, Pausing, Paused, Stopping, Terminated, Failed
  std::string reason;   ///< short; may be empty
  std::string message;  ///< for people; may be empty
  std::optional<Time> last_transition_at;
};

struct SandboxInfo {
  std::string id;
  Status status;
  std::string image;        ///< empty if it was made from a snapshot or template
  std::string snapshot_id;  ///< empty if it was made from an image
  std::vector<std::string> entrypoint;
  std::optional<Time> created_at;
  std::optional<Time> expires_at;  ///< not given: it stays until it is killed
  std::optional<Platform> platform;
  StringMap metadata;
  StringMap extensions;
};

/// Where a port of a sandbox is reached.
struct Endpoint {
  std::string address;  ///< "host:port", perhaps with a path, without scheme
  StringMap headers;    ///< to be sent with every request there
  std::string origin;   ///< "template" for sandboxes of a template; else empty
};

struct Page {
  int number = 1, size = 0;
  int64_t items = 0, pages = 0;  ///< in total
  bool has_next = false;
};

/// Which sandboxes. Empty members do not restrict.
struct SandboxFilter {
  std::vector<std::string> states;  ///< any of them, without regard to case
  StringMap metadata;               ///< all of them
  std::optional<int> page;          ///< from 1
  std::optional<int> page_size;     ///< default of the server: 20
};

struct SandboxPage {
  std::vector<SandboxInfo> items;
  Page page;
};

struct SnapshotInfo {
  std::string id, sandbox_id, name;
  Status status;  ///< state: Creating, Ready, Failed, …
  std::optional<Time> created_at;
};

/// Which snapshots. Empty members do not restrict.
struct SnapshotFilter {
  std::string sandbox_id;
  std::string name;  ///< exactly
  std::vector<std::string> states;
  std::optional<int> page, page_size;
};

struct SnapshotPage {
  std::vector<SnapshotInfo> items;
  Page page;
};

/// What a sandbox uses now.
struct Metrics {
  double cpu_count = 0;         ///< CPUs that it may use
  double cpu_used_percent = 0;  ///< of all of those, 0 to 100
  double memory_total_mib = 0;
  double memory_used_mib = 0;
  int64_t timestamp = 0;  ///< Unix milliseconds
};

/// Logs or events that the server kept about a sandbox.
struct Diagnostics {
  std::string sandbox_id, kind, scope;
  std::string delivery;  ///< "inline": in `content`; "url": at `content_url` until `expires_at`
  std::string content_type, content, content_url;
  std::optional<int64_t> content_length;  ///< bytes
  bool truncated = false;                 ///< some are missing
  std::optional<Time> expires_at;
  std::vector<std::string> warnings;
};

/// Metadata to change: a value sets, std::nullopt removes.
using MetadataPatch = std::map<std::string, std::optional<std::string>>;

}  // namespace opensandbox
