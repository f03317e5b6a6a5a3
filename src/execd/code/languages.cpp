#include "execd/code/languages.h"

#include <algorithm>
#include <utility>

#include "execd/code/bash_launcher.h"
#include "execd/code/go_language.h"
#include "execd/code/java_language.h"
#include "execd/code/node_language.h"
#include "execd/code/process_launcher.h"
#include "execd/code/python_launcher.h"

namespace osb::execd {
namespace {

// Everything that is worth having in a context, before the first one is made. In the tools of the machine,
// which were not made for this, the interpreter is started and no more.
bool is_eager(const CodeContexts::Options& options) {
  return std::ranges::find(options.env, "OPENSANDBOX_IMAGE_KIND=host") == options.env.end();
}

bool is_warm(const CodeContexts::Options& options, std::string_view language) {
  return std::ranges::any_of(options.warm_languages,
                             [&](const std::string& name) { return name == "*" || name == language; });
}

}  // namespace

std::map<std::string, std::unique_ptr<KernelLauncher>> make_launchers(net::asio::any_io_executor executor,
                                                                      Reaper& reaper,
                                                                      const CodeContexts::Options& options) {
  std::map<std::string, std::unique_ptr<KernelLauncher>> launchers;
  launchers["python"] = std::make_unique<PythonLauncher>(executor, reaper, options.env, options.limits,
                                                         is_warm(options, "python") && is_eager(options));
  launchers["bash"] = std::make_unique<BashLauncher>(executor, reaper, options.env, options.limits);
  auto started = [&](std::unique_ptr<ProcessLanguage> language) {
    std::string name = language->name();
    launchers[name] =
        std::make_unique<ProcessLauncher>(executor, reaper, std::move(language), options.env, options.limits);
  };
  auto nodes = std::make_shared<NodeFinder>(executor, reaper);
  started(std::make_unique<NodeLanguage>(NodeLanguage::Dialect::javascript, nodes));
  started(std::make_unique<NodeLanguage>(NodeLanguage::Dialect::typescript, nodes));
  started(std::make_unique<JavaLanguage>());
  started(std::make_unique<GoLanguage>());
  for (auto& [language, launcher] : launchers)
    if (is_warm(options, language)) launcher->warm_up(options.cwd);
  return launchers;
}

}  // namespace osb::execd
