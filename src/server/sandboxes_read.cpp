// GET /sandboxes and GET /sandboxes/{id}: from memory only.
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

net::task<> list_sandboxes(Context& context, http::Request& request, http::ResponseWriter& response) {
  return response.send(json_answer(200, context.catalogue.list(parse_list_query(request.query))));
}

net::task<> get_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  return response.send(json_answer(200, context.catalogue.require(request.parameter(0))->json()));
}

}  // namespace osb::server
