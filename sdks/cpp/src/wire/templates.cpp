#include "wire/templates.h"

#include "wire/paging.h"

namespace opensandbox::detail {
namespace {

Value to_json(const TemplateReadiness& readiness) {
  Object object;
  if (!readiness.probe.empty()) object["probe"] = readiness.probe;
  if (readiness.warmup) object["warmupSeconds"] = readiness.warmup->count();
  return object;
}

TemplateReadiness read_readiness(const Object& object) {
  TemplateReadiness readiness{text_of(object, "probe"), {}};
  if (auto seconds = find_int(object, "warmupSeconds")) readiness.warmup = Seconds(*seconds);
  return readiness;
}

TemplateOptions read_template_options(const Object& object) {
  TemplateOptions options{.image = text_of(object, "image"),
                          .publish = text_of(object, "publish"),
                          .format = text_of(object, "format"),
                          .resources = map_of(object, "resourceLimits"),
                          .entrypoint = texts_of(object, "entrypoint"),
                          .env = map_of(object, "env"),
                          .metadata = map_of(object, "metadata"),
                          .readiness = {}};
  if (const Object* readiness = find_object(object, "readiness"))
    options.readiness = read_readiness(*readiness);
  return options;
}

TemplateInfo read_info(const Object& object, const Reply& reply, const std::string& doing) {
  TemplateInfo info;
  info.id = text_of(object, "templateId");
  if (const Object* status = find_object(object, "status")) {
    info.phase = text_of(*status, "phase");
    info.message = text_of(*status, "message");
    info.manifest_ref = text_of(*status, "manifestRef");
  }
  info.options = read_template_options(object);
  info.created_at = find_time(object, "createdAt");
  info.updated_at = find_time(object, "updatedAt");
  if (info.id.empty() || info.phase.empty() || !info.created_at)
    throw_unexpected(reply, doing, "the answer lacks templateId, phase or createdAt");
  return info;
}

}  // namespace

std::string template_path(const std::string& id) {
  return "/templates/" + segment(not_blank(id, "template id"));
}

Call create_template_call(const TemplateOptions& options) {
  Object body{{"image", not_blank(options.image, "image")},
              {"publish", not_blank(options.publish, "publish")}};
  if (!options.resources.empty()) body["resourceLimits"] = to_json(options.resources);
  if (!options.entrypoint.empty()) body["entrypoint"] = to_json(options.entrypoint);
  if (!options.env.empty()) body["env"] = to_json(options.env);
  if (!options.metadata.empty()) body["metadata"] = to_json(options.metadata);
  if (options.readiness) body["readiness"] = to_json(*options.readiness);
  if (!options.format.empty()) body["format"] = options.format;
  return json_call("POST", "/templates", "make a template of " + options.image, body);
}

Call list_templates_call(const TemplateFilter& filter) {
  QueryPairs pairs;
  if (!filter.metadata.empty()) pairs.emplace_back("metadata", metadata_filter(filter.metadata));
  add_page(pairs, filter.page, filter.page_size);
  return json_call("GET", "/templates" + query(pairs), "list templates");
}

TemplateInfo read_template(const Reply& reply, const std::string& doing) {
  return read_info(read_object(reply, doing), reply, doing);
}

TemplatePage read_template_page(const Reply& reply, const std::string& doing) {
  return read_items<TemplatePage>(reply, doing,
                                  [&](const Object& object) { return read_info(object, reply, doing); });
}

}  // namespace opensandbox::detail
