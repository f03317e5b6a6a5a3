// What the handlers of the file API share: how paths are meant, the helper threads, and in whose name they
// work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/files/requested_path.h"
#include "execd/files/workers.h"
#include "http/router.h"
#include "sys/act_as.h"

namespace osb::execd {

// Runs `work` as `who` (nullopt: as the daemon); what it captured ends under the same identity.
template <class F>
auto run_as(const std::optional<sys::FileIdentity>& who, F work) {
  std::optional<sys::ActAs> act;
  if (who && !sys::ActAs::active()) act.emplace(*who);
  F mine(std::move(work));
  return mine();
}

class LargeUploads;
class Watches;

struct FileService {
  PathRules rules;
  std::shared_ptr<Workers> workers;
  std::shared_ptr<Watches> watches;
  std::shared_ptr<LargeUploads> large_uploads;
  std::optional<sys::FileIdentity> identity;  // whose file calls the jobs make; nullopt: the daemon's own

  // Starts `work` on a helper thread. It must own what it touches. No path is resolved or looked at outside
  // of such work: only there the identity counts.
  template <class F>
  std::shared_ptr<Workers::Job> start(F work, Workers::Admission admission = Workers::Admission::fresh) {
    return workers->start(
        [who = identity, work = std::move(work)]() mutable { run_as(who, std::move(work)); }, admission);
  }
  // The same, with the wait for its end and the result.
  template <class F>
  auto run(http::ResponseWriter& response, F work, Workers::Admission admission = Workers::Admission::fresh) {
    return run(response.stream().executor(), std::move(work), admission);
  }
  template <class F>
  auto run(net::asio::any_io_executor executor, F work, Workers::Admission admission) {
    return workers->run(
        std::move(executor),
        [who = identity, work = std::move(work)]() mutable { return run_as(who, std::move(work)); },
        admission);
  }
};

using Service = std::shared_ptr<FileService>;

// How a helper thread works on one request before others get their turn.
constexpr std::chrono::milliseconds kSlice{50};

http::Response empty_ok();
http::Response json_ok(std::string body);

// The query parameter "path" as written. Throws Error(invalid, MISSING_QUERY) if it is missing or empty.
std::string path_of(const http::Request& request);
// All of them.
std::vector<std::string> paths_of(const http::Request& request);

using FileHandler = net::task<> (*)(Service service, http::Request& request, http::ResponseWriter& response);

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
// Changes as they happen. See watch_handlers.cpp.
net::task<> handle_watch(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_resume_watch(Service service, http::Request& request, http::ResponseWriter& response);
net::task<> handle_end_watch(Service service, http::Request& request, http::ResponseWriter& response);

}  // namespace osb::execd
