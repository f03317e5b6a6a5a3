#include "wire/isolation.h"

#include <ctype.h>

#include "wire/answer_error.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

void put(Object& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

template <class T>
void put(Object& object, const char* name, const std::optional<T>& value) {
  if (value) object[name] = *value;
}

template <class T, class Write>
void put(Object& object, const char* name, const std::vector<T>& items, Write write) {
  if (items.empty()) return;
  Array list;
  for (const T& item : items) list.push_back(write(item));
  object[name] = std::move(list);
}

Value workspace_json(const IsolatedWorkspace& workspace) {
  Object object{{"path", not_blank(workspace.path, "path of the workspace")}};
  put(object, "mode", workspace.mode);
  return object;
}

Value overlay_json(const IsolatedOverlay& overlay) {
  Object object{{"path", not_blank(overlay.path, "path of an overlay")}};
  put(object, "mode", overlay.mode);
  put(object, "persist", overlay.persist);
  return object;
}

Value bind_json(const IsolatedBind& bind) {
  Object object{{"source", not_blank(bind.source, "source of a bind")}};
  put(object, "dest", bind.dest);
  put(object, "readonly", bind.read_only);
  return object;
}

Value text_json(const std::string& text) { return Value(text); }

std::optional<bool> find_bool(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

std::optional<uint32_t> find_id(const Object& object, std::string_view name) {
  auto number = find_int(object, name);
  if (!number || *number < 0 || *number > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::optional<Seconds> find_seconds(const Object& object, std::string_view name) {
  auto number = find_int(object, name);
  return number ? std::optional(Seconds(*number)) : std::nullopt;
}

template <class T, class Read>
std::vector<T> read_list(const Object& object, std::string_view name, Read read) {
  std::vector<T> list;
  if (const Array* items = find_array(object, name))
    for (const Value& item : *items)
      if (const Object* one = item.if_object()) list.push_back(read(*one));
  return list;
}

IsolatedOverlay read_overlay(const Object& object) {
  return {text_of(object, "path"), text_of(object, "mode"), find_bool(object, "persist")};
}

IsolatedBind read_bind(const Object& object) {
  return {text_of(object, "source"), text_of(object, "dest"), find_bool(object, "readonly")};
}

IsolatedOptions read_options(const Object& object) {
  IsolatedOptions options;
  if (const Object* workspace = find_object(object, "workspace"))
    options.workspace = IsolatedWorkspace{text_of(*workspace, "path"), text_of(*workspace, "mode")};
  options.overlays = read_list<IsolatedOverlay>(object, "overlays", read_overlay);
  options.profile = text_of(object, "profile");
  options.extra_writable = texts_of(object, "extra_writable");
  options.binds = read_list<IsolatedBind>(object, "binds", read_bind);
  options.share_net = find_bool(object, "share_net");
  if (const Object* env = find_object(object, "env_passthrough"))
    options.env_passthrough = EnvPassthrough{text_of(*env, "mode"), texts_of(*env, "keys")};
  options.uid = find_id(object, "uid");
  options.gid = find_id(object, "gid");
  options.uid_mode = text_of(object, "uid_mode");
  options.idle_timeout = find_seconds(object, "idle_timeout_seconds");
  return options;
}

IsolatedInfo read_info(const Object& object) {
  return {text_of(object, "session_id"),
          text_of(object, "status"),
          find_time(object, "created_at"),
          find_time(object, "last_run_at"),
          find_seconds(object, "idle_remaining_seconds"),
          read_options(object)};
}

HardeningLayer read_layer(const Object& object, std::string_view name) {
  const Object* layer = find_object(object, name);
  return layer ? HardeningLayer{text_of(*layer, "state"), text_of(*layer, "message")} : HardeningLayer{};
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t at = 0; at < text.size(); at++) {
    bool dash = at == 8 || at == 13 || at == 18 || at == 23;
    if (dash ? text[at] != '-' : !isxdigit(static_cast<unsigned char>(text[at]))) return false;
  }
  return true;
}

}  // namespace

std::string isolated_path(const std::string& session_id) {
  return std::string(kIsolated) + "/session/" + segment(not_blank(session_id, "session id"));
}

std::string isolated_files_prefix(const std::string& session_id) {
  if (!is_uuid(session_id))
    throw Error(ErrorCode::invalid_argument, "not the id of an isolated session: " + session_id);
  return isolated_path(lower(session_id));
}

Value isolated_body(const IsolatedOptions& options) {
  if (!options.workspace && options.overlays.empty())
    throw Error(ErrorCode::invalid_argument, "make an isolated session: it needs a workspace or overlays");
  Object body;
  if (options.workspace) body["workspace"] = workspace_json(*options.workspace);
  put(body, "overlays", options.overlays, overlay_json);
  put(body, "profile", options.profile);
  put(body, "extra_writable", options.extra_writable, text_json);
  put(body, "binds", options.binds, bind_json);
  put(body, "share_net", options.share_net);
  if (options.env_passthrough)
    body["env_passthrough"] =
        Object{{"mode", options.env_passthrough->mode}, {"keys", to_json(options.env_passthrough->names)}};
  put(body, "uid", options.uid);
  put(body, "gid", options.gid);
  put(body, "uid_mode", options.uid_mode);
  if (options.idle_timeout) body["idle_timeout_seconds"] = options.idle_timeout->count();
  return body;
}

Value isolated_run_body(const std::string& code, const IsolatedRunOptions& options) {
  Object body{{"code", not_blank(code, "code")}};
  if (!options.env.empty()) body["envs"] = to_json(options.env);
  if (options.timeout) body["timeout_seconds"] = options.timeout->count();
  return body;
}

IsolatedInfo read_isolated(const Reply& reply, const std::string& doing) {
  IsolatedInfo info = read_info(read_object(reply, doing));
  if (info.session_id.empty()) throw_unexpected(reply, doing, "the answer has no session_id");
  return info;
}

IsolatedInfo read_isolated(const Reply& reply, const std::string& doing, const std::string& session_id) {
  IsolatedInfo info = read_info(read_object(reply, doing));
  if (info.status.empty()) throw_unexpected(reply, doing, "the answer has no status");
  info.session_id = session_id;
  return info;
}

std::vector<IsolatedInfo> read_isolated_list(const Reply& reply, const std::string& doing) {
  Object object = read_object(reply, doing);
  if (!find_array(object, "sessions")) throw_unexpected(reply, doing, "the answer has no sessions");
  return read_list<IsolatedInfo>(object, "sessions", read_info);
}

IsolatedRun read_isolated_run(const Reply& reply, const std::string& doing) {
  Object object = read_object(reply, doing);
  IsolatedRun run{text_of(object, "session_id"), text_of(object, "run_id"), find_time(object, "started_at")};
  if (run.run_id.empty()) throw_unexpected(reply, doing, "the answer has no run_id");
  return run;
}

IsolatedRunStatus read_isolated_run_status(const Object& object) {
  IsolatedRunStatus status{
      text_of(object, "session_id"), text_of(object, "run_id"),       bool_of(object, "running"),      {},
      text_of(object, "error"),      find_time(object, "started_at"), find_time(object, "finished_at")};
  if (auto code = find_int(object, "exit_code")) status.exit_code = static_cast<int>(*code);
  return status;
}

IsolatedCapabilities read_isolated_capabilities(const Object& object) {
  IsolatedCapabilities found{.available = bool_of(object, "available"),
                             .isolator = text_of(object, "isolator"),
                             .version = text_of(object, "version"),
                             .message = text_of(object, "message"),
                             .setpriv_available = bool_of(object, "setpriv_available"),
                             .userns_available = bool_of(object, "userns_available"),
                             .commit_supported = bool_of(object, "commit_supported"),
                             .diff_supported = bool_of(object, "diff_supported"),
                             .hardening = {}};
  if (const Object* walls = find_object(object, "hardening"))
    found.hardening = Hardening{text_of(*walls, "init_mode"),   bool_of(*walls, "signal_shield"),
                                read_layer(*walls, "cap_drop"), read_layer(*walls, "seccomp"),
                                read_layer(*walls, "landlock"), read_layer(*walls, "ebpf")};
  return found;
}

}  // namespace opensandbox::detail
