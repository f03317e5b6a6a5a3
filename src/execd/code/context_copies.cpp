// Forks of contexts, and checkpoints: copies that run nothing until a context is made from one again.
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/ids.h"
#include "execd/code/contexts.h"

namespace osb::execd {

std::shared_ptr<Kernel> CodeContexts::living(const Context& context) {
  if (auto how = context.kernel->ended())
    throw Error(ErrorCode::conflict, "copying a context: dead: its process ended (" + *how + ")",
                kNotForkable);
  if (context.kernel->busy() || context.restoring)
    throw Error(ErrorCode::conflict, "copying a context: busy: it runs code", kNotForkable);
  return context.kernel;
}

net::task<std::vector<ContextInfo>> CodeContexts::fork(std::string id, size_t count) {
  auto context = known(id);
  auto kernel = living(*context);
  if (count == 0 || count > kMaxContexts)
    throw Error(ErrorCode::invalid, "count: expected a number from 1 to " + std::to_string(kMaxContexts));
  if (contexts_.size() + making_->contexts + count > kMaxContexts)
    throw Error(ErrorCode::exhausted,
                "forking a context: no more than " + std::to_string(kMaxContexts) + " can be there");
  making_->contexts += count;
  Defer made([making = making_, count] { making->contexts -= count; });
  std::vector<ContextInfo> infos;
  for (auto& copy : co_await kernel->copy(reaper_, {count, true, kAfterDeath})) {
    auto fork = std::make_shared<Context>();
    fork->info = {new_uuid(), context->info.language, context->info.cwd};
    fork->kernel = std::move(copy);
    contexts_.push_back(fork);
    infos.push_back(fork->info);
  }
  co_return infos;
}

net::task<std::string> CodeContexts::checkpoint(std::string id) {
  auto context = known(id);
  auto kernel = living(*context);
  if (context->checkpoints.size() >= kMaxCheckpoints)
    throw Error(ErrorCode::exhausted, "making a checkpoint: the context has " +
                                          std::to_string(kMaxCheckpoints) + " already; delete one");
  auto copies = co_await kernel->copy(reaper_, {1, false, kAfterDeath});
  if (at(id) != context) {  // deleted meanwhile
    copies.front()->kill();
    throw Error(ErrorCode::not_found, "context " + id + " not found", "CONTEXT_NOT_FOUND");
  }
  std::string checkpoint = new_uuid();
  context->checkpoints[checkpoint] = copies.front();
  co_return checkpoint;
}

net::task<ContextInfo> CodeContexts::restore(std::string id, std::string checkpoint) {
  auto context = known(id);
  auto found = context->checkpoints.find(checkpoint);
  if (found == context->checkpoints.end())
    throw Error(ErrorCode::not_found, "checkpoint " + checkpoint + " not found", "CHECKPOINT_NOT_FOUND");
  if (context->kernel->busy() || context->restoring)
    throw Error(ErrorCode::conflict, "restoring a context: busy: it runs code", kNotForkable);
  auto kept = found->second;
  if (auto how = kept->ended())
    throw Error(ErrorCode::conflict,
                "restoring a context: dead: the checkpoint's process ended (" + *how + ")", kNotForkable);
  context->restoring = true;
  Defer done([context] { context->restoring = false; });
  auto copies =
      co_await kept->copy(reaper_, {1, false, context->is_default ? kDefaultAfterDeath : kAfterDeath});
  if (at(id) != context) {
    copies.front()->kill();
    throw Error(ErrorCode::not_found, "context " + id + " not found", "CONTEXT_NOT_FOUND");
  }
  // At once: what it would do at its end could take away what its copy still uses.
  std::exchange(context->kernel, copies.front())->kill();
  co_return context->info;
}

bool CodeContexts::remove_checkpoint(std::string_view id, std::string_view checkpoint) {
  auto context = known(id);
  auto found = context->checkpoints.find(checkpoint);
  if (found == context->checkpoints.end()) return false;
  found->second->kill();
  context->checkpoints.erase(found);
  return true;
}

}  // namespace osb::execd
