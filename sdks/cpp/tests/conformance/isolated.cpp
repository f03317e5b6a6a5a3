// Calls about isolated sessions.
#include "conformance/call.h"
#include "conformance/outcome.h"

namespace opensandbox::conformance {
namespace {

std::optional<Seconds> seconds(std::optional<int64_t> number) {
  return number ? std::optional(Seconds(*number)) : std::nullopt;
}

Call members(const Value& value) { return Call(value.as_object()); }

IsolatedOverlay overlay_of(const Value& value) {
  Call call = members(value);
  IsolatedOverlay overlay{call.text("path"), call.get<std::string>("mode", ""), call.maybe<bool>("persist")};
  call.check_all_read();
  return overlay;
}

IsolatedBind bind_of(const Value& value) {
  Call call = members(value);
  IsolatedBind bind{call.text("source"), call.get<std::string>("dest", ""), call.maybe<bool>("readonly")};
  call.check_all_read();
  return bind;
}

EnvPassthrough env_of(const Value& value) {
  Call call = members(value);
  EnvPassthrough env{call.text("mode"), call.texts("keys")};
  call.check_all_read();
  return env;
}

IsolatedWorkspace workspace_of(const Value& value) {
  Call call = members(value);
  IsolatedWorkspace workspace{call.text("path"), call.get<std::string>("mode", "")};
  call.check_all_read();
  return workspace;
}

IsolatedOptions options_of(Call& outer) {
  Call call = members(outer.get<Value>("request", Object()));
  IsolatedOptions options;
  if (const Value* workspace = call.find("workspace")) options.workspace = workspace_of(*workspace);
  for (const Value& one : call.get<std::vector<Value>>("overlays", {}))
    options.overlays.push_back(overlay_of(one));
  options.profile = call.get<std::string>("profile", "");
  options.extra_writable = call.texts("extra_writable");
  for (const Value& one : call.get<std::vector<Value>>("binds", {})) options.binds.push_back(bind_of(one));
  options.share_net = call.maybe<bool>("share_net");
  if (const Value* env = call.find("env_passthrough")) options.env_passthrough = env_of(*env);
  options.uid = call.maybe<uint32_t>("uid");
  options.gid = call.maybe<uint32_t>("gid");
  options.uid_mode = call.get<std::string>("uid_mode", "");
  options.idle_timeout = seconds(call.maybe<int64_t>("idle_timeout_seconds"));
  call.check_all_read();
  return options;
}

IsolatedRunOptions run_options_of(Call& call) {
  return {call.map("env"), seconds(call.maybe<int64_t>("timeout_s"))};
}

Value given(const std::string& text) { return text.empty() ? Value(nullptr) : Value(text); }

Value told(const IsolatedInfo& info) {
  const auto& workspace = info.options.workspace;
  return Object{{"id", info.session_id},
                {"status", given(info.status)},
                {"created_at_ms", conformance::told(info.created_at)},
                {"idle_s", info.idle_remaining ? Value(info.idle_remaining->count()) : Value(nullptr)},
                {"workspace", workspace ? given(workspace->path) : Value(nullptr)},
                {"profile", given(info.options.profile)},
                {"share_net", osb::json::write(info.options.share_net)},
                {"uid", osb::json::write(info.options.uid)}};
}

Value create(Sandbox& box, Call& call) {
  IsolatedOptions options = options_of(call);
  call.check_all_read();
  return told(box.isolation().create(options).info());
}

// What nearly every call begins with.
IsolatedSession attach(Sandbox& box, Call& call) {
  std::string id = call.text("session");
  call.check_all_read();
  return box.isolation().attach(id);
}

Value get(Sandbox& box, Call& call) { return told(attach(box, call).info()); }

Value list(Sandbox& box, Call& call) {
  call.check_all_read();
  Array sessions;
  for (const IsolatedInfo& info : box.isolation().list()) sessions.push_back(told(info));
  return Object{{"sessions", sessions}};
}

Value capabilities(Sandbox& box, Call& call) {
  call.check_all_read();
  IsolatedCapabilities found = box.isolation().capabilities();
  Object out{{"available", found.available},
             {"isolator", given(found.isolator)},
             {"message", given(found.message)},
             {"userns", found.userns_available},
             {"init_mode", nullptr},
             {"seccomp", nullptr}};
  if (found.hardening) {
    out["init_mode"] = given(found.hardening->init_mode);
    out["seccomp"] = given(found.hardening->seccomp.state);
  }
  return out;
}

Value run(Sandbox& box, Call& call) {
  std::string code = call.text("code");
  IsolatedRunOptions options = run_options_of(call);
  return conformance::told(attach(box, call).run(code, options));
}

Value once(Sandbox& box, Call& call) {
  std::string code = call.text("code");
  IsolatedOptions options = options_of(call);
  IsolatedRunOptions run_options = run_options_of(call);
  call.check_all_read();
  return conformance::told(box.isolation().run_once(code, options, run_options));
}

Value background(Sandbox& box, Call& call) {
  std::string code = call.text("code");
  IsolatedRunOptions options = run_options_of(call);
  IsolatedRun run = attach(box, call).run_background(code, options);
  return Object{{"run", run.run_id}, {"started_at_ms", conformance::told(run.started_at)}};
}

Value status(Sandbox& box, Call& call) {
  std::string run = call.text("run");
  IsolatedRunStatus status = attach(box, call).run_status(run);
  return Object{{"running", status.running},
                {"exit_code", osb::json::write(status.exit_code)},
                {"error", given(status.error)},
                {"finished_at_ms", conformance::told(status.finished_at)}};
}

Value logs(Sandbox& box, Call& call) {
  std::string run = call.text("run");
  auto cursor = call.get<int64_t>("cursor", 0);
  IsolatedLogs logs = attach(box, call).run_logs(run, cursor);
  return Object{{"content", conformance::told(logs.content)}, {"cursor", logs.cursor}};
}

Value read(Sandbox& box, Call& call) {
  std::string path = call.text("path");
  return Object{{"content", conformance::told(attach(box, call).files().read(path))}};
}

Value end(Sandbox& box, Call& call) {
  attach(box, call).remove();
  return kDone;
}

}  // namespace

const std::map<std::string, WithSandbox> kIsolatedCalls{{"isolated_create", create},
                                                        {"isolated_get", get},
                                                        {"isolated_list", list},
                                                        {"isolated_run", run},
                                                        {"isolated_once", once},
                                                        {"isolated_background", background},
                                                        {"isolated_status", status},
                                                        {"isolated_logs", logs},
                                                        {"isolated_read", read},
                                                        {"isolated_end", end},
                                                        {"isolated_capabilities", capabilities}};

}  // namespace opensandbox::conformance
