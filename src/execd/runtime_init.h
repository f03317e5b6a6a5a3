// A daemon that was started ahead of its sandbox (pools, restored machines): until POST /internal/init tells
// it whose it is, it serves nothing else; the first good init wins and cannot be taken back. Started without
// that mode it is initialised from the beginning.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "execd/environment.h"
#include "execd/lifecycle.h"
#include "http/server.h"

namespace osb::execd {

struct InitRequest {
  std::string sandbox_id;
  json::Value generation;  // a number or a text, answered as it came; null: none
  std::string token_hash;  // 64 lower-case hex digits: SHA-256 of the token that is valid from now on
  Environment envs;        // a layer of every command's environment, above the daemon's own
  Lifecycle lifecycle;
  std::vector<std::pair<std::string, std::string>> attributes;  // for exported metrics
  bool restart_entrypoint = false;
};
// Throws Error(invalid) with code INVALID_REQUEST_BODY.
InitRequest parse_init_request(std::string_view body);

class RuntimeInit {
 public:
  // What init does before the daemon opens. It may fail and may be tried again then.
  using Apply = std::function<net::task<>(InitRequest)>;

  // With `wait` the daemon begins uninitialised.
  explicit RuntimeInit(bool wait) : waits_(wait), initialized_(!wait) {}

  bool initialized() const { return initialized_; }
  bool may_be_asked() const { return waits_; }
  // Whether `token` is the one that init brought; true when there was no init.
  bool accepts(std::string_view token) const;
  bool has_token() const { return !token_hash_.empty(); }

  net::task<> answer_ready(http::ResponseWriter& response) const;
  // Throws Error: conflict ALREADY_INITIALIZED, invalid, and what `apply` throws.
  net::task<> handle_init(http::Request& request, http::ResponseWriter& response, const Apply& apply);

 private:
  bool waits_;
  bool initialized_;
  bool busy_ = false;
  std::string sandbox_id_, token_hash_;
  json::Value generation_;
};

}  // namespace osb::execd
