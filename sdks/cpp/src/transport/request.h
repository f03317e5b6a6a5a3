// Requests and answers as values.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/message.h"

namespace opensandbox::detail {

// A body that is made while it is sent: each call gives the next piece, an empty one is the end.
struct BodySource {
  std::function<std::string()> next;
  std::optional<uint64_t> length;  // of all pieces; without it they go as chunks
};

// One call of an API. `path` is what follows the base address, encoded, with its query.
struct Call {
  std::string method;
  std::string path;
  std::string doing;  // for messages: "create a sandbox"
  std::string body;
  std::string content_type;
  std::optional<BodySource> source;  // in place of `body`
  osb::http::Headers headers;
  std::vector<int> expect;  // good statuses; empty: all of 2xx

  bool idempotent() const { return method != "POST" && method != "PATCH"; }
  bool replayable() const { return !source; }
  bool accepts(int status) const;
};

struct Reply {
  int status = 0;
  osb::http::Headers headers;
  std::string body;
};

}  // namespace opensandbox::detail
