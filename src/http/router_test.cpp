#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace osb::http {
namespace {

net::task<> nothing(Request&, ResponseWriter&) { co_return; }

struct Found {
  Router::Match match;
  std::string route;
  std::vector<std::string> parameters;
  std::string rest;
  std::vector<std::string_view> allowed;
};

Found find(const Router& router, std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  const Handler* handler = nullptr;
  Found found;
  found.match = router.find(request, handler, found.allowed);
  EXPECT_EQ(handler != nullptr, found.match == Router::Match::found);
  found.route = request.route;
  found.parameters = request.parameters;
  found.rest = request.rest;
  return found;
}

struct RouterTest : testing::Test {
  RouterTest() {
    router.add("GET", "/", nothing);
    router.add("GET", "/sandboxes", nothing);
    router.add("POST", "/sandboxes", nothing);
    router.add("GET", "/sandboxes/{}", nothing);
    router.add("DELETE", "/sandboxes/{}", nothing);
    router.add("GET", "/sandboxes/special", nothing);
    router.add("GET", "/sandboxes/special/{}", nothing);
    router.add("GET", "/sandboxes/{}/endpoints/{}", nothing);
    router.add("*", "/sandboxes/{}/proxy/{}/{*}", nothing);
  }
  Router router;
};

TEST_F(RouterTest, LiteralsWinAndParametersDecode) {
  EXPECT_EQ(find(router, "GET", "/").route, "/");
  EXPECT_EQ(find(router, "GET", "/sandboxes/special").route, "/sandboxes/special");
  EXPECT_EQ(find(router, "GET", "/sandboxes/%73pecial").route, "/sandboxes/special");
  auto found = find(router, "GET", "/sandboxes/a%2Fb%20c/endpoints/80");
  EXPECT_THAT(found.parameters, testing::ElementsAre("a/b c", "80"));
}

TEST_F(RouterTest, ComesBackFromALiteralThatLeadsNowhere) {
  EXPECT_EQ(find(router, "GET", "/sandboxes/special/endpoints/1").route, "/sandboxes/{}/endpoints/{}");
  EXPECT_THAT(find(router, "GET", "/sandboxes/special/endpoints/1").parameters,
              testing::ElementsAre("special", "1"));
  EXPECT_EQ(find(router, "DELETE", "/sandboxes/special").route, "/sandboxes/{}");
}

TEST_F(RouterTest, RestIsRaw) {
  EXPECT_EQ(find(router, "PUT", "/sandboxes/x/proxy/80").rest, "");
  EXPECT_EQ(find(router, "GET", "/sandboxes/x/proxy/80/").rest, "/");
  auto found = find(router, "GET", "/sandboxes/x/proxy/80/a%2Fb//c/");
  EXPECT_EQ(found.rest, "/a%2Fb//c/");
  EXPECT_THAT(found.parameters, testing::ElementsAre("x", "80"));
}

TEST_F(RouterTest, TellsWrongMethodFromNoRoute) {
  auto found = find(router, "PATCH", "/sandboxes");
  EXPECT_EQ(found.match, Router::Match::wrong_method);
  EXPECT_THAT(found.allowed, testing::UnorderedElementsAre("GET", "POST"));
  for (const char* path :
       {"/nope", "/sandboxes/", "/sandboxes//endpoints/1", "/sandboxes/x/endpoints/1/", "*", "x"})
    EXPECT_EQ(find(router, "GET", path).match, Router::Match::no_route) << path;
  EXPECT_EQ(find(router, "HEAD", "/sandboxes").match, Router::Match::found) << "HEAD is answered by GET";
}

TEST_F(RouterTest, RefusesBadEscapesAndDoubles) {
  EXPECT_THROW(find(router, "GET", "/sandboxes/%zz"), Error);
  EXPECT_THROW(find(router, "GET", "/sandboxes/a%00b"), Error);
  EXPECT_THROW(router.add("GET", "/sandboxes/{}", nothing), Error);
}

}  // namespace
}  // namespace osb::http
