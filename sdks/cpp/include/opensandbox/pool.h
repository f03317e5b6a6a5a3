// Sandboxes that are made ahead, so that taking one costs nothing.
#pragma once

#include <opensandbox/sandbox.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace opensandbox {

/// What a pool holds.
struct PoolOptions {
  CreateOptions create;  ///< how its sandboxes are made; their timeout must be given
  ConnectionConfig config = {};
  int idle = 4;                    ///< how many wait ready
  int parallel = 4;                ///< how many are made at a time
  Seconds least_left{60};          ///< one that would end sooner is not handed out but killed
  Milliseconds check_every{5000};  ///< each idle sandbox is asked whether it is healthy that often; 0: never
  /// Called on a thread of the pool with each new sandbox before it counts as ready; what it throws discards
  /// the sandbox.
  std::function<void(Sandbox&)> prepare = {};
};

struct PoolState {
  int idle = 0;      ///< ready
  int creating = 0;  ///< being made
  int lent = 0;      ///< handed out and not given back
  int failures = 0;  ///< creates in a row that failed; pauses between attempts grow with it, up to 30 s
  std::string last_error;
};

/// What acquire() does when nothing is ready.
enum class WhenEmpty {
  create,  ///< make one
  wait,    ///< wait for one
  fail,    ///< throw pool_empty
};

/// In memory of this process: when it is destroyed its idle sandboxes are killed. Thread-safe.
///
///     opensandbox::Pool pool({.create = {.image = "host"}, .idle = 8});
///     auto sandbox = pool.acquire();
///     sandbox.commands().run("make");
///     pool.discard(std::move(sandbox));
class Pool {
 public:
  /// Begins to make sandboxes at once, on threads of its own. Throws invalid_argument.
  explicit Pool(PoolOptions options);
  /// Stops making them, and kills those that are idle. Waits for creates that are under way, at most as long
  /// as a request may take.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A healthy sandbox. It is the caller's: give it back with release() or discard(), or kill it and tell by
  /// discard().
  Sandbox acquire(WhenEmpty when_empty = WhenEmpty::create, std::stop_token stop = {});
  /// Give one back to be handed out again as it is: for callers that leave no traces.
  void release(Sandbox sandbox);
  /// Kill one, in the background.
  void discard(Sandbox sandbox);
  /// Hold that many from now on; surplus ones are killed.
  void resize(int idle);
  PoolState state() const;

 private:
  class Work;
  std::shared_ptr<Work> work_;
};

}  // namespace opensandbox
