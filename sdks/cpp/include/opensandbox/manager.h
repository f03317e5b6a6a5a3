// All sandboxes, snapshots and images of a server, without being connected to one of them.
#pragma once

#include <opensandbox/files.h>
#include <opensandbox/sandbox_types.h>
#include <opensandbox/templates.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace opensandbox {

namespace detail {
class Client;
}

/// An image in the server's store.
struct ImageInfo {
  std::string name;
  std::optional<int64_t> size;  ///< bytes of content; of stored images
  std::optional<Time> created_at;
  std::string alias_of;  ///< the image that sandboxes of this name get; empty: this one
};

/// Copies share connections. Thread-safe. All methods throw Error.
///
///     opensandbox::Manager manager;
///     for (const auto& box : manager.list({.states = {"Running"}}).items) std::cout << box.id << '\n';
class Manager {
 public:
  explicit Manager(const ConnectionConfig& config = {});

  const ConnectionConfig& config() const;

  /// One page of sandboxes.
  SandboxPage list(const SandboxFilter& filter = {}, std::stop_token stop = {}) const;
  /// All of them, page by page, beginning with the filter's page. Sandboxes that come and go meanwhile may be
  /// missed.
  void each(SandboxFilter filter, const std::function<void(const SandboxInfo&)>& visit,
            std::stop_token stop = {}) const;
  SandboxInfo get(const std::string& id, std::stop_token stop = {}) const;
  void kill(const std::string& id, std::stop_token stop = {}) const;
  void pause(const std::string& id, std::stop_token stop = {}) const;
  void resume(const std::string& id, std::stop_token stop = {}) const;
  /// Let it end `timeout` from now; gives the new end.
  Time renew(const std::string& id, Seconds timeout, std::stop_token stop = {}) const;
  SandboxInfo patch_metadata(const std::string& id, const MetadataPatch& patch,
                             std::stop_token stop = {}) const;
  Endpoint endpoint(const std::string& id, uint16_t port, std::stop_token stop = {}) const;

  SnapshotInfo create_snapshot(const std::string& sandbox_id, const std::string& name = {},
                               std::stop_token stop = {}) const;
  SnapshotInfo snapshot(const std::string& id, std::stop_token stop = {}) const;
  SnapshotPage list_snapshots(const SnapshotFilter& filter = {}, std::stop_token stop = {}) const;
  void delete_snapshot(const std::string& id, std::stop_token stop = {}) const;

  /// Begin to make a template. Servers without templates refuse it (HTTP 404 or 501).
  TemplateInfo create_template(const TemplateOptions& options, std::stop_token stop = {}) const;
  TemplateInfo get_template(const std::string& id, std::stop_token stop = {}) const;
  TemplatePage list_templates(const TemplateFilter& filter = {}, std::stop_token stop = {}) const;
  void delete_template(const std::string& id, std::stop_token stop = {}) const;

  /// Images that the server has. `/v1/images` is an addition of this project's server to the API; others
  /// answer not_found.
  std::vector<ImageInfo> images(std::stop_token stop = {}) const;
  /// Store a root file system under a name, in the place of an image that has it: a tar archive of `size`
  /// bytes, if known, plain or packed. All of it is stored, or nothing.
  void upload_image(const std::string& name, const ByteSource& archive, std::optional<uint64_t> size,
                    const Progress& progress = {}, std::stop_token stop = {}) const;
  /// conflict while a sandbox uses it.
  void remove_image(const std::string& name, std::stop_token stop = {}) const;

  /// What the server kept about a sandbox. `scope`: "container", "runtime" or "all".
  Diagnostics diagnostic_logs(const std::string& id, const std::string& scope,
                              std::stop_token stop = {}) const;
  Diagnostics diagnostic_events(const std::string& id, const std::string& scope,
                                std::stop_token stop = {}) const;
  /// The text form for people: `kind` is "logs", "inspect", "events" or "summary"; options such as {"tail",
  /// "100"}.
  std::string diagnostic_text(const std::string& id, const std::string& kind, const StringMap& options = {},
                              std::stop_token stop = {}) const;

  /// Whether the server answers; never throws for that.
  bool healthy(std::stop_token stop = {}) const;
  /// Any JSON call of the lifecycle API that has no method here: `path` begins behind "/v1". Gives the body
  /// of the answer.
  std::string call(const std::string& method, const std::string& path, const std::string& json_body = {},
                   std::stop_token stop = {}) const;

 private:
  std::shared_ptr<detail::Client> client_;
};

}  // namespace opensandbox
