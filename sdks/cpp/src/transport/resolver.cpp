#include "transport/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "transport/failure.h"

namespace opensandbox::detail {
namespace {

std::optional<SocketAddress> numeric(const std::string& host, uint16_t port) {
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.length = sizeof(v4);
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.length = sizeof(v6);
    return address;
  }
  return std::nullopt;
}

// What the thread of a lookup and its caller share; the last of the two frees it.
struct Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool done = false;
  std::string error;
  std::vector<SocketAddress> found;
};

void look_up(const std::shared_ptr<Lookup>& lookup, const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  std::lock_guard lock(lookup->mutex);
  if (code != 0) lookup->error = gai_strerror(code);
  for (addrinfo* item = list; item; item = item->ai_next) {
    SocketAddress& address = lookup->found.emplace_back();
    memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    address.length = item->ai_addrlen;
  }
  if (list) freeaddrinfo(list);
  lookup->done = true;
  lookup->changed.notify_all();
}

bool await(Lookup& lookup, const Wait& wait) {
  std::unique_lock lock(lookup.mutex);
  auto done = [&] { return lookup.done; };
  if (wait.until == Clock::time_point::max()) return lookup.changed.wait(lock, wait.stop, done);
  return lookup.changed.wait_until(lock, wait.stop, wait.until, done);
}

}  // namespace

std::vector<SocketAddress> resolve(const std::string& host, uint16_t port, const Wait& wait) {
  if (auto address = numeric(host, port)) return {*address};
  if (host == "localhost") return {*numeric("127.0.0.1", port), *numeric("::1", port)};
  auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, port] { look_up(lookup, host, port); }).detach();
  if (!await(*lookup, wait)) {
    check_stop(wait);
    throw Failure(Failure::Cause::timeout, "the name was not found in time");
  }
  if (lookup->found.empty())
    throw Failure(Failure::Cause::not_sent,
                  lookup->error.empty() ? "the name has no address" : lookup->error);
  return lookup->found;
}

}  // namespace opensandbox::detail
