// Method and path to handler. Patterns: "/sandboxes/{}/endpoints/{}", "/proxy/{}/{*}" ("{*}" takes the raw
// rest, empty rest included). Literal segments win over parameters. No regular expressions, no allocation on
// a hit beyond the parameters.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace osb::http {

class Router {
 public:
  Router();
  ~Router();

  // `method` may be "*" for any. Handlers of one pattern share its place; adding the same twice is our bug.
  void add(std::string_view method, std::string_view pattern, Handler handler);

  enum class Match { found, no_route, wrong_method };
  // On found: fills request.parameters, rest and route, and sets `handler`. On wrong_method: `allowed` lists
  // methods.
  Match find(Request& request, const Handler*& handler, std::vector<std::string_view>& allowed) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace osb::http
