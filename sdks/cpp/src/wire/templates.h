// Calls about templates, and how their answers read. No I/O.
#pragma once

#include <opensandbox/templates.h>

#include "wire/json.h"

namespace opensandbox::detail {

// Throws Error(invalid_argument) for a blank image or target.
Call create_template_call(const TemplateOptions& options);
Call list_templates_call(const TemplateFilter& filter);
std::string template_path(const std::string& id);

// Throw Error(protocol) for an answer that lacks id, phase or createdAt.
TemplateInfo read_template(const Reply& reply, const std::string& doing);
TemplatePage read_template_page(const Reply& reply, const std::string& doing);

}  // namespace opensandbox::detail
