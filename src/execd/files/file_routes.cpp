#include "execd/files/file_routes.h"

#include "execd/files/file_identity.h"
#include "execd/files/file_service.h"
#include "execd/files/upload_block.h"
#include "execd/files/watches.h"

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

std::string path_of(const http::Request& request) {
  std::vector<std::string> paths = paths_of(request);
  if (paths.empty() || paths[0].empty())
    throw Error(ErrorCode::invalid, "reading the query: the parameter path is missing", "MISSING_QUERY");
  return paths[0];
}

namespace {

struct Route {
  std::string_view method;
  std::string_view pattern;
  FileHandler handle;
};

constexpr Route kRoutes[] = {
    {"POST", "/files/upload", handle_upload},
    {"GET", "/files/download", handle_download},
    {"GET", "/files/info", handle_info},
    {"GET", "/files/search", handle_search},
    {"DELETE", "/files", handle_delete},
    {"POST", "/files/mv", handle_move},
    {"POST", "/files/permissions", handle_permissions},
    {"POST", "/files/replace", handle_replace},
    {"POST", "/directories", handle_make_directories},
    {"DELETE", "/directories", handle_delete_directories},
    {"GET", "/directories/list", handle_list},
    {"GET", "/files/watch", handle_watch},
    {"GET", "/files/watch/{}/resume", handle_resume_watch},
    {"DELETE", "/files/watch", handle_end_watch},
};

// The first two parameters of the route say who; the handler sees what it sees without them.
net::task<> handle_as_user(Service daemon, FileHandler handle, http::Request& request,
                           http::ResponseWriter& response) {
  sys::FileIdentity who = read_identity(request.parameter(0), request.parameter(1));
  request.parameters.erase(request.parameters.begin(), request.parameters.begin() + 2);
  Service service = co_await daemon->run(response, [daemon, who] { return service_for(*daemon, who); });
  co_await handle(std::move(service), request, response);
}

}  // namespace

void add_file_routes(http::Router& router, Executions& executions, FileServiceOptions options) {
  auto service =
      std::make_shared<FileService>(FileService{PathRules(options.working_directory, std::move(options.env)),
                                                std::make_shared<Workers>(),
                                                std::make_shared<Watches>(executions, options.watch_limits),
                                                std::make_shared<LargeUploads>(),
                                                {}});
  for (const Route& route : kRoutes) {
    FileHandler handle = route.handle;
    router.add(route.method, route.pattern,
               [service, handle](http::Request& request, http::ResponseWriter& response) {
                 return handle(service, request, response);
               });
    router.add(route.method, "/v1/filesystem/{}/{}" + std::string(route.pattern),
               [service, handle](http::Request& request, http::ResponseWriter& response) {
                 return handle_as_user(service, handle, request, response);
               });
  }
}

}  // namespace osb::execd
