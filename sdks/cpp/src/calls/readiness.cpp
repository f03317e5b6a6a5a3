#include "calls/readiness.h"

#include <algorithm>

#include "calls/link.h"

namespace opensandbox::detail {
namespace {

constexpr Milliseconds kFirstPause{2};

// Grows from a few milliseconds, because most sandboxes are ready at once.
class Pauses {
 public:
  Pauses(Milliseconds longest, const Wait& wait)
      : longest_(std::max(longest, Milliseconds(1))), wait_(wait) {}

  void next(const std::string& doing, const Target& target) {
    try {
      pause(std::min(next_, longest_), wait_);
    } catch (const Failure& failure) {
      throw_network_error(failure, doing, target);
    }
    next_ *= 2;
  }

 private:
  Milliseconds longest_;
  const Wait& wait_;
  Milliseconds next_ = kFirstPause;
};

bool starting(Sandbox& sandbox, const Error& error, const std::stop_token& stop) {
  if (error.code() == ErrorCode::not_found) return error.server_code() == "KUBERNETES::POD_IP_NOT_AVAILABLE";
  return error.code() == ErrorCode::conflict && sandbox.info(stop).status.state == "Pending";
}

// The daemon's address. Some servers need a while to know it.
void find_daemon(Sandbox& sandbox, Pauses pauses, const Wait& wait) {
  Link& link = *sandbox.link();
  for (;;) {
    try {
      link.execd(wait.stop);
      return;
    } catch (const Error& error) {
      if (wait.over() || !starting(sandbox, error, wait.stop)) throw;
    }
    pauses.next("find the daemon", link.client->server());
  }
}

[[noreturn]] void throw_not_ready(Sandbox& sandbox, Milliseconds timeout, int checks,
                                  const std::string& why) {
  Link& link = *sandbox.link();
  std::string message = "sandbox " + link.id + " was not ready after " + std::to_string(timeout.count()) +
                        " ms and " + std::to_string(checks) +
                        " checks: " + (why.empty() ? "the check said no each time" : why);
  if (!link.check) {
    message += ". Address: " + link.execd({}).address.url();
    if (!link.client->config().use_server_proxy)
      message +=
          ". If this address cannot be reached from here, set use_server_proxy in the connection config";
  }
  throw Error(ErrorCode::not_ready, message);
}

// Whether waiting cannot help.
bool hopeless(const Error& error) {
  return error.code() == ErrorCode::unauthorized || error.code() == ErrorCode::not_found ||
         error.code() == ErrorCode::untrusted || error.code() == ErrorCode::cancelled;
}

}  // namespace

bool is_ready(Sandbox& sandbox, const Wait& wait) {
  Link& link = *sandbox.link();
  if (link.check) return link.check(sandbox);
  Call ping;
  ping.method = "GET";
  ping.path = "/ping";
  ping.doing = "ask whether sandbox " + link.id + " is ready";
  link.client->call_once(link.execd(wait.stop), ping, wait);
  return true;
}

void get_ready(Sandbox& sandbox, const Readiness& readiness, const std::stop_token& stop) {
  Link& link = *sandbox.link();
  Wait wait = Wait::at_most(readiness.timeout, stop);
  Pauses pauses(readiness.longest_pause, wait);
  find_daemon(sandbox, pauses, wait);
  if (readiness.skip) return;
  std::string why;
  for (int checks = 1;; checks++) {
    try {
      if (is_ready(sandbox, wait.capped(link.client->config().request_timeout))) return;
      why.clear();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled || (!link.check && hopeless(error))) throw;
      why = error.message();
    } catch (const std::exception& error) {
      why = error.what();
    }
    if (wait.over()) throw_not_ready(sandbox, readiness.timeout, checks, why);
    pauses.next("wait for the sandbox", link.client->server());
  }
}

}  // namespace opensandbox::detail
