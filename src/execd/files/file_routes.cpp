#include "execd/files/file_routes.h"

#include "execd/files/file_service.h"

namespace osb::execd {

http::Response empty_ok() { return {}; }

http::Response json_ok(std::string body) {
  return {200, {{"Content-Type", "application/json; charset=utf-8"}}, std::move(body)};
}

std::vector<std::string> paths_of(const http::Request& request) {
  // The query keeps an escape it cannot decode as it was written; this one would name another file.
  if (request.raw_query.find("%00") != std::string::npos)
    throw Error(ErrorCode::invalid, "reading the path: it holds a NUL byte");
  return request.query.all("path");
}

std::string path_of(const Service& service, const http::Request& request) {
  std::vector<std::string> paths = paths_of(request);
  if (paths.empty() || paths[0].empty())
    throw Error(ErrorCode::invalid, "reading the query: the parameter path is missing", "MISSING_QUERY");
  return service->rules.resolve(paths[0]);
}

void add_file_routes(http::Router& router, FileServiceOptions options) {
  auto service = std::make_shared<FileService>(PathRules(options.working_directory, std::move(options.env)));
  using Handle = net::task<> (*)(Service, http::Request&, http::ResponseWriter&);
  auto add = [&](std::string_view method, std::string_view pattern, Handle handle) {
    router.add(method, pattern, [service, handle](http::Request& request, http::ResponseWriter& response) {
      return handle(service, request, response);
    });
  };
  add("POST", "/files/upload", handle_upload);
  add("GET", "/files/download", handle_download);
  add("GET", "/files/info", handle_info);
  add("GET", "/files/search", handle_search);
  add("DELETE", "/files", handle_delete);
  add("POST", "/files/mv", handle_move);
  add("POST", "/files/permissions", handle_permissions);
  add("POST", "/files/replace", handle_replace);
  add("POST", "/directories", handle_make_directories);
  add("DELETE", "/directories", handle_delete_directories);
  add("GET", "/directories/list", handle_list);
}

}  // namespace osb::execd
