// The templates of Manager.
#include "wire/templates.h"

#include <opensandbox/manager.h>

#include "transport/client.h"

namespace opensandbox {

using namespace detail;

TemplateInfo Manager::create_template(const TemplateOptions& options, std::stop_token stop) const {
  Call call = create_template_call(options);
  return read_template(client_->call(client_->server(), call, stop), call.doing);
}

TemplateInfo Manager::get_template(const std::string& id, std::stop_token stop) const {
  Call call = json_call("GET", template_path(id), "get template " + id);
  return read_template(client_->call(client_->server(), call, stop), call.doing);
}

TemplatePage Manager::list_templates(const TemplateFilter& filter, std::stop_token stop) const {
  Call call = list_templates_call(filter);
  return read_template_page(client_->call(client_->server(), call, stop), call.doing);
}

void Manager::delete_template(const std::string& id, std::stop_token stop) const {
  client_->call(client_->server(), json_call("DELETE", template_path(id), "delete template " + id), stop);
}

}  // namespace opensandbox
