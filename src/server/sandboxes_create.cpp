// POST /sandboxes: 202 when the sandbox answers.
#include "base/log.h"
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

net::task<> create_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  auto begin = std::chrono::steady_clock::now();
  std::string body = co_await request.body->read_all(kLongestBody);
  CreatePlan plan = plan_create(api::parse_create_request(body), context.config);
  RecordPtr record = co_await context.lifecycle.create(std::move(plan));
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  log_info("sandbox created", {{"sandbox", record->id()},
                               {"image", record->row.sandbox.image},
                               {"us", took.count()},
                               {"request_id", request.request_id}});
  co_await response.send(json_answer(202, api::created_json(record->row.sandbox)));
}

}  // namespace osb::server
