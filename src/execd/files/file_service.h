// What the handlers of the file API share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/files/requested_path.h"
#include "execd/files/workers.h"
#include "http/router.h"

namespace osb::execd {

struct FileService {
  PathRules rules;
  Workers workers;

  FileService(PathRules r) : rules(std::move(r)) {}

  // Runs `work` on a helper thread. It must own what it touches.
  template <class F>
  auto run(http::ResponseWriter& response, F work, Workers::Admission admission = Workers::Admission::fresh) {
    return workers.run(response.stream().executor(), std::move(work), admission);
  }
};

using Service = std::shared_ptr<FileService>;

// How long a helper thread works on one request before others get their turn.
constexpr std::chrono::milliseconds kSlice{50};

http::Response empty_ok();
http::Response json_ok(std::string body);

// The resolved query parameter "path". Throws Error(invalid, MISSING_QUERY) if it is missing or empty.
std::string path_of(const Service& service, const http::Request& request);
// All of them, as written.
std::vector<std::string> paths_of(const http::Request& request);

// Single entries: info, delete, permissions, move, replace, make directories. See entry_handlers.cpp.
net::task<> handle_info(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_delete(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_permissions(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_move(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_replace(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_make_directories(Service service, http::Request& request, http::ResponseWriter& response);
// Trees: search, list, delete recursively. See tree_handlers.cpp.
net::task<> handle_search(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_list(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_delete_directories(Service service, http::Request& request,
                                      http::ResponseWriter& response);
// Content: See transfer_handlers.cpp.
net::task<> handle_upload(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_download(Service service, http::Request& request, http::ResponseWriter& response);

}  // namespace osb::execd
