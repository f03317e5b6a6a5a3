// Calls about templates.
#include "conformance/call.h"
#include "conformance/outcome.h"

namespace opensandbox::conformance {
namespace {

TemplateReadiness readiness_of(const Value& value) {
  Call call(value.as_object());
  TemplateReadiness readiness{call.get<std::string>("probe", ""), {}};
  if (auto seconds = call.maybe<int64_t>("warmupSeconds")) readiness.warmup = Seconds(*seconds);
  call.check_all_read();
  return readiness;
}

TemplateOptions options_of(Call& outer) {
  Call call(outer.get<Value>("request", Object()).as_object());
  TemplateOptions options{.image = call.text("image"),
                          .publish = call.text("publish"),
                          .format = call.get<std::string>("format", ""),
                          .resources = call.map("resourceLimits"),
                          .entrypoint = call.texts("entrypoint"),
                          .env = call.map("env"),
                          .metadata = call.map("metadata"),
                          .readiness = {}};
  if (const Value* readiness = call.find("readiness")) options.readiness = readiness_of(*readiness);
  call.check_all_read();
  return options;
}

Value told(const TemplateInfo& info) {
  const auto& readiness = info.options.readiness;
  return Object{
      {"id", info.id},
      {"phase", info.phase},
      {"image", info.options.image},
      {"format", info.options.format},
      {"metadata", osb::json::write(info.options.metadata)},
      {"warmup_s", readiness && readiness->warmup ? Value(readiness->warmup->count()) : Value(nullptr)},
      {"created_at_ms", conformance::told(info.created_at)}};
}

Value create(const ConnectionConfig& config, Call& call) {
  TemplateOptions options = options_of(call);
  call.check_all_read();
  return told(Manager(config).create_template(options));
}

Value get(const ConnectionConfig& config, Call& call) {
  std::string id = call.text("id");
  call.check_all_read();
  return told(Manager(config).get_template(id));
}

Value list(const ConnectionConfig& config, Call& call) {
  TemplateFilter filter{call.map("metadata"), call.maybe<int>("page"), call.maybe<int>("page_size")};
  call.check_all_read();
  TemplatePage page = Manager(config).list_templates(filter);
  Array ids;
  for (const TemplateInfo& info : page.items) ids.push_back(Value(info.id));
  return Object{{"ids", ids}, {"total", page.page.items}};
}

Value remove(const ConnectionConfig& config, Call& call) {
  std::string id = call.text("id");
  call.check_all_read();
  Manager(config).delete_template(id);
  return kDone;
}

}  // namespace

const std::map<std::string, WithConfig> kTemplateCalls{
    {"template_create", create}, {"template_get", get}, {"template_list", list}, {"template_delete", remove}};

}  // namespace opensandbox::conformance
