#include <opensandbox/files.h>

#include "calls/link.h"
#include "calls/watching.h"
#include "wire/json.h"
#include "wire/multipart.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

QueryPairs path_pairs(const std::vector<std::string>& paths) {
  QueryPairs pairs;
  for (const std::string& path : paths) pairs.emplace_back("path", not_blank(path, "path"));
  return pairs;
}

FileInfo read_info(const Object& object) {
  return {text_of(object, "path"),          text_of(object, "type"),
          int_of(object, "size"),           static_cast<int>(int_of(object, "mode")),
          text_of(object, "owner"),         text_of(object, "group"),
          find_time(object, "modified_at"), find_time(object, "created_at")};
}

std::vector<FileInfo> read_infos(const Reply& reply, const std::string& doing) {
  std::vector<FileInfo> infos;
  for (const Value& value : read_array(reply, doing))
    if (const Object* object = value.if_object()) infos.push_back(read_info(*object));
  return infos;
}

Value permissions_json(const Permissions& permissions) {
  Object object{{"mode", mode_digits(permissions.mode)}};
  if (!permissions.owner.empty()) object["owner"] = permissions.owner;
  if (!permissions.group.empty()) object["group"] = permissions.group;
  return object;
}

}  // namespace

std::map<std::string, FileInfo> Files::infos(const std::vector<std::string>& paths,
                                             std::stop_token stop) const {
  std::map<std::string, FileInfo> infos;
  if (paths.empty()) return infos;
  Call call = json_call("GET", prefix_ + "/files/info" + query(path_pairs(paths)),
                        "get information about " + paths[0]);
  for (const auto& [path, value] : read_object(link_->call_execd(call, stop), call.doing))
    if (const Object* object = value.if_object()) infos[std::string(path)] = read_info(*object);
  return infos;
}

FileInfo Files::info(const std::string& path, std::stop_token stop) const {
  auto found = infos({path}, std::move(stop));
  if (found.empty())
    throw Error(ErrorCode::protocol, "get information about " + path + ": the answer is empty");
  return found.begin()->second;
}

bool Files::exists(const std::string& path, std::stop_token stop) const {
  try {
    info(path, std::move(stop));
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) return false;
    throw;
  }
}

std::vector<FileInfo> Files::list(const std::string& path, int depth, std::stop_token stop) const {
  QueryPairs pairs{{"path", not_blank(path, "path")}, {"depth", std::to_string(depth)}};
  Call call = json_call("GET", prefix_ + "/directories/list" + query(pairs), "list " + path);
  return read_infos(link_->call_execd(call, stop), call.doing);
}

std::vector<FileInfo> Files::search(const std::string& path, const std::string& pattern,
                                    std::stop_token stop) const {
  QueryPairs pairs{{"path", not_blank(path, "path")}, {"pattern", pattern}};
  Call call = json_call("GET", prefix_ + "/files/search" + query(pairs), "search in " + path);
  return read_infos(link_->call_execd(call, stop), call.doing);
}

std::map<std::string, int64_t> Files::replace(const std::vector<Replacement>& replacements,
                                              std::stop_token stop) const {
  Object body;
  for (const Replacement& one : replacements)
    body[not_blank(one.path, "path")] = Object{{"old", one.old_text}, {"new", one.new_text}};
  Call call = json_call("POST", prefix_ + "/files/replace?verbose=true", "replace texts in files", body);
  std::map<std::string, int64_t> counts;
  for (const auto& [path, value] : read_object(link_->call_execd(call, stop), call.doing))
    if (const Object* object = value.if_object())
      counts[std::string(path)] = int_of(*object, "replacedCount");
  return counts;
}

void Files::move(const std::vector<Move>& moves, std::stop_token stop) const {
  Array body;
  for (const Move& move : moves) body.push_back(Object{{"src", move.from}, {"dest", move.to}});
  link_->call_execd(json_call("POST", prefix_ + "/files/mv", "move files", body), stop);
}

void Files::remove(const std::vector<std::string>& paths, std::stop_token stop) const {
  if (paths.empty()) return;
  link_->call_execd(json_call("DELETE", prefix_ + "/files" + query(path_pairs(paths)), "delete " + paths[0]),
                    stop);
}

void Files::remove_directories(const std::vector<std::string>& paths, std::stop_token stop) const {
  if (paths.empty()) return;
  link_->call_execd(
      json_call("DELETE", prefix_ + "/directories" + query(path_pairs(paths)), "delete " + paths[0]), stop);
}

void Files::make_directories(const std::vector<std::string>& paths, const Permissions& permissions,
                             std::stop_token stop) const {
  Object body;
  for (const std::string& path : paths) body[not_blank(path, "path")] = permissions_json(permissions);
  link_->call_execd(json_call("POST", prefix_ + "/directories", "make directories", body), stop);
}

void Files::set_permissions(const std::map<std::string, Permissions>& entries, std::stop_token stop) const {
  Object body;
  for (const auto& [path, permissions] : entries)
    body[not_blank(path, "path")] = permissions_json(permissions);
  link_->call_execd(json_call("POST", prefix_ + "/files/permissions", "set permissions", body), stop);
}

FileWatch Files::watch(const std::string& path, bool recursive, std::stop_token stop) const {
  auto watching = std::make_unique<Watching>(link_, prefix_, not_blank(path, "path"), recursive);
  watching->start(stop);
  return FileWatch(std::move(watching));
}

}  // namespace opensandbox
