// Coroutines of this house. One loop runs on one thread; nothing inside a loop needs a lock.
//
// Rules: parameters by value, or references to what outlives the await; no capturing lambda is a coroutine;
// every wait has a deadline or a cancel path; a coroutine is started with spawn(), never detached silently.
#pragma once

#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace osb::net {

namespace asio = boost::asio;

template <class T = void>
using task = asio::awaitable<T>;

// Starts `work` on the executor and forgets it. An exception that leaves it is logged under `name`.
void spawn(const asio::any_io_executor& executor, std::string name, task<> work);

}  // namespace osb::net
