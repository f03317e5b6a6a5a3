// Requests about single entries. Each is one job on a helper thread: a body may name thousands of paths, and
// a path may lie on a file system that does not answer.
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_text.h"
#include "execd/files/failure.h"
#include "execd/files/file_info.h"
#include "execd/files/file_service.h"
#include "execd/files/move.h"
#include "execd/files/permission.h"
#include "execd/files/text_replacement.h"
#include "execd/request_body.h"

namespace osb::execd {

namespace {

struct Move {
  std::optional<std::string> src;
  std::optional<std::string> dest;
};
BOOST_DESCRIBE_STRUCT(Move, (), (src, dest))

struct Replacement {
  std::optional<std::string> old;
  std::optional<std::string> new_;
};

const json::Object& object_of(const json::Value& value, const std::string& path) {
  static const json::Object none;
  if (value.is_null()) return none;
  if (!value.is_object()) refuse_body(path + ": expected an object");
  return value.get_object();
}

// "new" is no name a member can have.
Replacement read_replacement(const json::Value& value, const std::string& path) {
  Replacement out;
  const json::Object& object = object_of(value, path);
  if (const json::Value* v = detail::find_member(object, "old"))
    out.old = json::read<std::optional<std::string>>(*v, path + ".old");
  if (const json::Value* v = detail::find_member(object, "new"))
    out.new_ = json::read<std::optional<std::string>>(*v, path + ".new");
  return out;
}

// Everything that a request asks for, checked before the first change.
std::vector<std::pair<std::string, FileAttributes>> read_permissions(const PathRules& rules,
                                                                     const std::string& body) {
  Accounts accounts = Accounts::load();
  std::vector<std::pair<std::string, FileAttributes>> out;
  for (const auto& [path, value] : parse_request_object(body)) {
    auto permission = read_members<Permission>(object_of(value, path), path);
    out.emplace_back(rules.resolve(path), attributes_of(permission, accounts, false));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> read_moves(const PathRules& rules, const std::string& body) {
  json::Value value = parse_request_value(body);
  if (!value.is_array()) refuse_body("expected an array");
  std::vector<std::pair<std::string, std::string>> out;
  for (const json::Value& item : value.get_array()) {
    Move move = read_members<Move>(object_of(item, "[" + std::to_string(out.size()) + "]"));
    out.emplace_back(rules.resolve(move.src.value_or("")), rules.resolve(move.dest.value_or("")));
  }
  return out;
}

std::string info(const PathRules& rules, const std::vector<std::string>& paths) {
  Accounts accounts = Accounts::load();
  std::map<std::string, std::string> entries;  // by path as asked for
  for (const std::string& asked : paths) {
    std::string path = rules.resolve(asked);
    struct stat st{};
    Fd fd = sys::open_at(AT_FDCWD, path, O_PATH | O_NOFOLLOW);
    if (!fd || ::fstat(fd.get(), &st) != 0)
      throw file_error("reading", path, is_missing(errno) ? ENOENT : errno);
    std::string text;
    append_file_info(text, path, st, accounts);
    entries[asked] = std::move(text);
  }
  std::string out = "{";
  for (const auto& [asked, text] : entries) {
    if (out.size() > 1) out += ',';
    append_json_string(out, asked);
    out.append(":").append(text);
  }
  return out + "}";
}

// A link is removed as a link, wherever it leads or does not lead.
void delete_file(const std::string& path) {
  std::optional<sys::Place> place = sys::locate(path);
  if (place && ::unlinkat(place->parent.get(), place->name.c_str(), 0) == 0) return;
  if (is_missing(errno)) return;
  int err = errno;
  struct stat st{};
  if (place && ::fstatat(place->parent.get(), place->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(st.st_mode))
    throw bad_file("removing " + path + ": it is a directory");
  throw file_error("removing", path, err);
}

std::map<std::string, uint64_t> replace(const PathRules& rules, const std::string& body) {
  std::map<std::string, Replacement> asked;
  for (const auto& [path, item] : parse_request_object(body))
    asked[std::string(path)] = read_replacement(item, std::string(path));
  for (const auto& [path, item] : asked) {
    std::string resolved = rules.resolve(path);
    struct stat st{};
    Fd fd = sys::open_at(AT_FDCWD, resolved, O_PATH);
    if (!fd) throw file_error("reading", resolved, is_missing(errno) ? ENOENT : errno);
    if (::fstat(fd.get(), &st) != 0) throw file_error("reading", resolved);
    if (!S_ISREG(st.st_mode)) throw bad_file("replacing text in " + resolved + ": it is not a regular file");
    if (!item.old || item.old->empty())
      throw Error(ErrorCode::invalid, "replacing text in " + resolved + ": the text to replace is empty");
  }
  std::map<std::string, uint64_t> counts;
  for (const auto& [path, item] : asked)
    counts[path] = replace_in_file(rules.resolve(path), *item.old, item.new_.value_or(""));
  return counts;
}

}  // namespace

net::task<> handle_info(Service service, http::Request& request, http::ResponseWriter& response) {
  auto paths = paths_of(request);
  std::string body =
      co_await service->run(response, [service, paths] { return info(service->rules, paths); });
  co_await response.send(json_ok(std::move(body)));
}

net::task<> handle_delete(Service service, http::Request& request, http::ResponseWriter& response) {
  auto paths = paths_of(request);
  co_await service->run(response, [service, paths] {
    for (const std::string& path : paths) delete_file(service->rules.resolve(path));
  });
  co_await response.send(empty_ok());
}

net::task<> handle_permissions(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  co_await service->run(response, [service, body] {
    for (const auto& [path, attributes] : read_permissions(service->rules, body))
      set_attributes(path, attributes);
  });
  co_await response.send(empty_ok());
}

net::task<> handle_make_directories(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  co_await service->run(response, [service, body] {
    for (const auto& [path, attributes] : read_permissions(service->rules, body))
      make_directory(path, attributes);
  });
  co_await response.send(empty_ok());
}

net::task<> handle_move(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  co_await service->run(response, [service, body] {
    for (const auto& [from, to] : read_moves(service->rules, body)) move_path(from, to);
  });
  co_await response.send(empty_ok());
}

net::task<> handle_replace(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  bool verbose = request.query.find("verbose") == "true";
  auto counts = co_await service->run(response, [service, body] { return replace(service->rules, body); });
  if (!verbose) {
    co_await response.send(empty_ok());
    co_return;
  }
  std::string text = "{";
  for (const auto& [path, count] : counts) {
    if (text.size() > 1) text += ',';
    append_json_string(text, path);
    text.append(":{\"replacedCount\":").append(std::to_string(count)).append("}");
  }
  co_await response.send(json_ok(text + "}"));
}

}  // namespace osb::execd
