// JavaScript and TypeScript: contexts that are Node processes (kernels/javascript), and which Node of the
// image they are.
//
// NODE_VERSION chooses: "20", "20.11", "v20.11.1" take the newest of the image that begins like that. Without
// it the node of the PATH is used, else the first of the usual places.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "execd/code/process_launcher.h"
#include "execd/environment.h"
#include "execd/reaper.h"
#include "net/task.h"

namespace osb::execd {

extern const std::string_view kJavaScriptWorker;  // the texts that kernels/javascript gives
extern const std::string_view kAcorn;
extern const std::string_view kSucrase;

struct NodeInstallation {
  std::string program;  // path
  std::string version;  // "20.11.1"; empty: not known yet
  bool operator==(const NodeInstallation&) const = default;
};

// "v20.11.x" → "20.11". Empty stays empty.
std::string plain_node_version(std::string_view wanted);
// The newest whose version begins with the components of `wanted`, which is plain; null if there is none.
const NodeInstallation* newest_node(const std::vector<NodeInstallation>& nodes, std::string_view wanted);
// Programs that may be Node: those of the PATH first. Versions are those that paths tell.
std::vector<NodeInstallation> node_candidates(const Environment& env);

class NodeFinder {
 public:
  NodeFinder(net::asio::any_io_executor executor, Reaper& reaper) : executor_(executor), reaper_(reaper) {}

  // The program to use. What was found is kept for as long as it is there. Throws Error(unsupported) that
  // lists what there is.
  static net::task<std::string> find(std::shared_ptr<NodeFinder> self, std::vector<std::string> env);

 private:
  static net::task<std::vector<NodeInstallation>> installed(std::shared_ptr<NodeFinder> self,
                                                            std::vector<std::string> env);

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::string found_;
};

class NodeLanguage : public ProcessLanguage {
 public:
  enum class Dialect { javascript, typescript };
  NodeLanguage(Dialect dialect, std::shared_ptr<NodeFinder> finder)
      : dialect_(dialect), finder_(std::move(finder)) {}

  std::string name() const override { return dialect_ == Dialect::javascript ? "javascript" : "typescript"; }
  net::task<WorkerProgram> program(std::vector<std::string> env) override;

 private:
  Dialect dialect_;
  std::shared_ptr<NodeFinder> finder_;
};

}  // namespace osb::execd
