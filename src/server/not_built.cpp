// Resources that this server does not offer (yet), refused with the codes that clients know.
#include "server/routes.h"

namespace osb::server {

net::task<> refuse_pools(Context&, http::Request&, http::ResponseWriter&) {
  throw Error(ErrorCode::unsupported, "pools of a cluster are not offered by this runtime",
              "KUBERNETES::POOL_NOT_SUPPORTED");
}

net::task<> refuse_templates(Context&, http::Request&, http::ResponseWriter&) {
  throw Error(ErrorCode::unsupported, "templates are not offered by this runtime", "FSB::API_NOT_SUPPORTED");
}

net::task<> refuse_diagnostics(Context& context, http::Request& request, http::ResponseWriter&) {
  context.catalogue.require(request.parameter(0));
  throw Error(ErrorCode::unsupported, "diagnostics are not supported by this server yet",
              "DIAGNOSTICS_NOT_IMPLEMENTED");
}

net::task<> refuse_network_policy(Context& context, http::Request& request, http::ResponseWriter&) {
  context.catalogue.require(request.parameter(0));
  throw Error(ErrorCode::unsupported, "network policies are not supported by this server yet",
              "SANDBOX::API_NOT_SUPPORTED");
}

}  // namespace osb::server
