// A tree by path segments. A hit walks it once; only where a literal leads nowhere does the search come back
// to the parameter beside it.
#include "http/router.h"

#include <algorithm>

namespace osb::http {

namespace {
struct MethodHandler {
  std::string method;
  Handler handler;
};

struct Place {  // where a pattern ends
  std::string pattern;
  std::vector<MethodHandler> handlers;

  const Handler* handler_for(std::string_view method) const {
    const Handler* any = nullptr;
    for (const MethodHandler& entry : handlers) {
      if (entry.method == method) return &entry.handler;
      if (entry.method == "*") any = &entry.handler;
    }
    if (any || method != "HEAD") return any;
    return handler_for("GET");  // the server leaves the body out
  }
};
}  // namespace

struct Router::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Place> here;
  std::unique_ptr<Place> rest;

  Node* literal(std::string_view segment) const {
    for (const auto& [text, node] : literals)
      if (text == segment) return node.get();
    return nullptr;
  }
};

namespace {

// "/a/b" → "a", rest "/b". False when nothing is left.
bool next_segment(std::string_view& path, std::string_view& segment) {
  if (path.empty()) return false;
  if (path.front() == '/') path.remove_prefix(1);
  size_t end = path.find('/');
  segment = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return true;
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  Node* node = root_.get();
  std::unique_ptr<Place>* place = &node->here;
  std::string_view left = pattern;
  std::string_view segment;
  while (next_segment(left, segment)) {
    if (segment == "{*}") {
      place = &node->rest;
      break;
    }
    if (segment == "{}") {
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    } else if (Node* known = node->literal(segment)) {
      node = known;
    } else {
      node = node->literals.emplace_back(segment, std::make_unique<Node>()).second.get();
    }
    place = &node->here;
  }
  if (!*place) *place = std::make_unique<Place>(Place{std::string(pattern), {}});
  auto& handlers = (*place)->handlers;
  if (std::any_of(handlers.begin(), handlers.end(),
                  [&](const auto& entry) { return entry.method == method; }))
    throw Error(ErrorCode::internal,
                "adding route " + std::string(method) + " " + std::string(pattern) + ": it exists");
  handlers.push_back({std::string(method), std::move(handler)});
}

namespace {

struct Search {
  std::string_view method;
  std::vector<std::string_view> values;  // raw, of the parameters on the way
  std::string_view rest;
  const Place* place = nullptr;
  const Handler* handler = nullptr;
  std::vector<std::string_view>* allowed;

  bool accept(const Place* candidate, std::string_view left) {
    if (!candidate) return false;
    handler = candidate->handler_for(method);
    if (!handler) {
      for (const MethodHandler& entry : candidate->handlers)
        if (std::find(allowed->begin(), allowed->end(), entry.method) == allowed->end())
          allowed->push_back(entry.method);
      return false;
    }
    place = candidate;
    rest = left;
    return true;
  }

  template <class Node>
  bool walk(const Node& node, std::string_view path) {
    std::string_view left = path;
    std::string_view segment;
    if (!next_segment(left, segment)) return accept(node.here.get(), {}) || accept(node.rest.get(), path);
    if (const Node* next = find_literal(node, segment); next && walk(*next, left)) return true;
    if (node.parameter && !segment.empty()) {
      values.push_back(segment);
      if (walk(*node.parameter, left)) return true;
      values.pop_back();
    }
    return accept(node.rest.get(), path);
  }

  template <class Node>
  static const Node* find_literal(const Node& node, std::string_view segment) {
    if (segment.find('%') == std::string_view::npos) return node.literal(segment);
    auto decoded = percent_decode(segment);
    return decoded ? node.literal(*decoded) : nullptr;
  }
};

std::string decoded(std::string_view raw) {
  auto value = percent_decode(raw);
  if (!value)
    throw Error(ErrorCode::invalid, "reading the path: bad escape in " + std::string(raw), "INVALID_REQUEST");
  return *std::move(value);
}

}  // namespace

Router::Match Router::find(Request& request, const Handler*& handler,
                           std::vector<std::string_view>& allowed) const {
  allowed.clear();
  Search search{.method = request.method, .allowed = &allowed};
  if (request.path.empty() || request.path.front() != '/' || !search.walk(*root_, request.path))
    return allowed.empty() ? Match::no_route : Match::wrong_method;
  request.parameters.clear();
  for (std::string_view value : search.values) request.parameters.push_back(decoded(value));
  request.rest = search.rest;
  request.route = search.place->pattern;
  handler = search.handler;
  allowed.clear();
  return Match::found;
}

}  // namespace osb::http
