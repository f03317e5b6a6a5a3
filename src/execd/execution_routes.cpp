#include "execd/execution_routes.h"

#include <utility>

#include "base/error.h"
#include "execd/event_stream.h"

namespace osb::execd {
namespace {

net::task<> resume(Executions& executions, http::Request& request, http::ResponseWriter& response) {
  std::shared_ptr<Execution> execution = executions.find(request.parameters.at(0));
  if (!execution)
    throw Error(ErrorCode::not_found, "resuming " + request.parameters[0] + ": no such execution is kept",
                "EXECUTION_NOT_FOUND");
  co_await resume_execution(std::move(execution), request, response);
}

}  // namespace

net::task<> resume_execution(std::shared_ptr<Execution> execution, http::Request& request,
                             http::ResponseWriter& response) {
  int64_t after = requested_position(request);
  if (after > execution->journal->last_eid())
    throw Error(ErrorCode::invalid,
                "resuming " + execution->id + ": it has no event " + std::to_string(after));
  co_await serve_events(execution->journal, response, after,
                        requested_framing(request).value_or(execution->framing));
}

net::task<> run_once(Retries& retries, http::Request& request, http::ResponseWriter& response,
                     std::string body, Begin begin) {
  Framing framing = requested_framing(request).value_or(Framing::lines);
  std::shared_ptr<Execution> execution;
  {
    Retries::Claim claim = co_await retries.claim(request, body);
    execution = claim.first();
    if (execution) {
      response.add_header("Idempotent-Replayed", "true");
    } else {
      execution = co_await begin(std::move(body));
      execution->framing = framing;
      claim.settle(*execution);
    }
  }
  co_await serve_events(execution->journal, response, 0, framing);
}

void add_resume_routes(http::Router& router, Executions& executions) {
  for (const char* pattern : {"/command/{}/resume", "/code/{}/resume", "/session/{}/resume"})
    router.add("GET", pattern, [&executions](http::Request& request, http::ResponseWriter& response) {
      return resume(executions, request, response);
    });
}

}  // namespace osb::execd
