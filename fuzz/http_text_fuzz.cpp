// Percent-encoding, queries and paths through the router.
#include <cstdlib>

#include "base/error.h"
#include "http/message.h"
#include "http/router.h"

namespace {

using namespace osb;

net::task<> nothing(http::Request&, http::ResponseWriter&) { co_return; }

void require(bool condition) {
  if (!condition) std::abort();
}

const http::Router& router() {
  static http::Router routes;
  static bool ready = [] {
    for (const char* pattern : {"/", "/a", "/a/{}", "/a/b/{}", "/a/{}/c", "/p/{}/{*}"})
      routes.add("GET", pattern, nothing);
    return true;
  }();
  require(ready);
  return routes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto decoded = http::percent_decode(text)) {
    require(decoded->find('\0') == std::string::npos && decoded->size() <= text.size());
    require(http::percent_decode(http::percent_encode(*decoded)) == decoded);
  }
  http::Query query(text);
  query.find("a");
  query.all(text.substr(0, 3));

  http::Request request;
  request.method = "GET";
  request.path = text;
  const http::Handler* handler = nullptr;
  std::vector<std::string_view> allowed;
  try {
    bool found = router().find(request, handler, allowed) == http::Router::Match::found;
    require(found == (handler != nullptr));
  } catch (const Error& error) {
    require(error.code() == ErrorCode::invalid);
  }
  return 0;
}
