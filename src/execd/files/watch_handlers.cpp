// Watching as requests see it: a stream of events that a client may leave and come back to.
#include "execd/event_stream.h"
#include "execd/execution_routes.h"
#include "execd/files/file_service.h"
#include "execd/files/watches.h"

namespace osb::execd {

namespace {

bool flag(const http::Request& request, std::string_view name) {
  std::string text = request.query.find(name).value_or("false");
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0" || text.empty()) return false;
  throw Error(ErrorCode::invalid,
              "reading the query: " + std::string(name) + " is true or false, not " + text);
}

std::shared_ptr<Execution> execution_of(const Service& service, const std::string& id) {
  std::shared_ptr<Execution> execution = service->watches->find(id, service->identity);
  if (!execution)
    throw Error(ErrorCode::not_found, "looking for the watch " + id + ": there is none",
                "EXECUTION_NOT_FOUND");
  return execution;
}

}  // namespace

net::task<> handle_watch(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string path = path_of(request);
  bool recursive = flag(request, "recursive");
  Framing framing = requested_framing(request).value_or(Framing::lines);
  std::unique_ptr<Watches::Place> place = service->watches->take_place();
  size_t limit = service->watches->limits().directories;
  auto tree = co_await service->run(response, [service, path, recursive, limit] {
    return std::make_shared<WatchTree>(service->rules.resolve(path), recursive, limit);
  });
  while (!co_await service->run(
      response, [tree] { return tree->prepare(kSlice); }, Workers::Admission::continued)) {}
  std::shared_ptr<Execution> execution =
      service->watches->begin(service, std::move(tree), std::move(place), response.stream().executor());
  execution->framing = framing;
  co_await serve_events(execution->journal, response, 0, framing);
}

net::task<> handle_resume_watch(Service service, http::Request& request, http::ResponseWriter& response) {
  co_await resume_execution(execution_of(service, request.parameters.at(0)), request, response);
}

net::task<> handle_end_watch(Service service, http::Request& request, http::ResponseWriter& response) {
  std::string id = request.query.find("id").value_or("");
  if (id.empty()) throw Error(ErrorCode::invalid, "missing query parameter 'id'", "MISSING_QUERY");
  execution_of(service, id);
  service->watches->end(id);
  co_await response.send(empty_ok());
}

}  // namespace osb::execd
