// What all requests that begin an execution have in common: its events are the answer, a retry gets those of
// the first request, and a client that lost its stream comes back for the rest.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "execd/executions.h"
#include "execd/retries.h"
#include "http/router.h"
#include "net/task.h"

namespace osb::execd {

// Answers with the events of what `begin` begins, or of what an earlier request of the same Idempotency-Key
// has begun. Errors that `begin` throws are ordinary answers. It gets the body, so that nothing keeps that
// while events are sent.
using Begin = std::function<net::task<std::shared_ptr<Execution>>(std::string body)>;
net::task<> run_once(Retries& retries, http::Request& request, http::ResponseWriter& response,
                     std::string body, Begin begin);

// Answers with the events behind the position that the request names. Throws Error(invalid) for one that was
// not reached yet.
net::task<> resume_execution(std::shared_ptr<Execution> execution, http::Request& request,
                             http::ResponseWriter& response);

// GET /command/{}/resume, /code/{}/resume, /session/{}/resume. `executions` outlives the router.
void add_resume_routes(http::Router& router, Executions& executions);

}  // namespace osb::execd
