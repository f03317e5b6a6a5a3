#include "net/task.h"

#include <exception>

#include <boost/asio/co_spawn.hpp>

#include "base/error.h"
#include "base/log.h"

namespace osb::net {

void spawn(const asio::any_io_executor& executor, std::string name, task<> work) {
  asio::co_spawn(executor, std::move(work), [name = std::move(name)](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log_error("a task failed", {{"task", name}, {"error", e.what()}});
    }
  });
}

}  // namespace osb::net
