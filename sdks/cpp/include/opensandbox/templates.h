// Templates: images prepared so that sandboxes start from them at once. Plain values; see Manager.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <optional>
#include <string>
#include <vector>

namespace opensandbox {

/// When a template counts as warm.
struct TemplateReadiness {
  std::string probe;              ///< how it is seen; may be empty
  std::optional<Seconds> warmup;  ///< after that
};

/// What a template is made from. What is not given is up to the server.
struct TemplateOptions {
  std::string image;
  std::string publish;  ///< where the result is put
  std::string format;   ///< "native" or "overlaybd"
  StringMap resources;  ///< "cpu", "memory", "disk"
  std::vector<std::string> entrypoint;
  StringMap env;
  StringMap metadata;  ///< labels to find it by
  std::optional<TemplateReadiness> readiness;
};

struct TemplateInfo {
  std::string id;     ///< for CreateOptions::template_id
  std::string phase;  ///< Pending, Building, Succeeded or Failed
  std::string message;
  std::string manifest_ref;  ///< of the result
  TemplateOptions options;   ///< how it was made
  std::optional<Time> created_at, updated_at;
};

/// Which templates. Empty members do not restrict.
struct TemplateFilter {
  StringMap metadata;                  ///< all of them
  std::optional<int> page, page_size;  ///< from 1
};

struct TemplatePage {
  std::vector<TemplateInfo> items;
  Page page;
};

}  // namespace opensandbox
