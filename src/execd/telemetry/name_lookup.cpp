#include "execd/telemetry/name_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "execd/files/workers.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

std::string numeric(const addrinfo& entry) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* address =
      entry.ai_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(entry.ai_addr)->sin_addr)
          : &reinterpret_cast<sockaddr_in6*>(entry.ai_addr)->sin6_addr;
  return ::inet_ntop(entry.ai_family, address, text, sizeof text) ? text : "";
}

// Blocks. The sources are those that a static program has in itself; others, which nsswitch.conf may name,
// would be loaded from an image whose C library is another one.
std::string look_up(const std::string& name) {
  ::__nss_configure_lookup("hosts", "files dns");
  addrinfo hints = {}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int failure = ::getaddrinfo(name.c_str(), nullptr, &hints, &list))
    throw Error(ErrorCode::unavailable, "looking up " + name + ": " + ::gai_strerror(failure));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, ::freeaddrinfo);
  std::string out;
  for (const addrinfo* entry = list; entry; entry = entry->ai_next)
    if (out.empty() || (entry->ai_family == AF_INET && out.find(':') != std::string::npos))
      out = numeric(*entry);
  if (out.empty()) throw Error(ErrorCode::unavailable, "looking up " + name + ": it has no address");
  return out;
}

}  // namespace

struct NameLookup::State {
  explicit State(net::asio::any_io_executor e) : executor(e), ended(e) {}

  net::asio::any_io_executor executor;
  Workers workers{1, 1};
  net::Event ended;
  bool running = false;

  struct Answer {
    std::string address;
    std::optional<Error> failure;
    bool there = false;
  };
  static net::task<> run(std::shared_ptr<State> self, std::string name, std::shared_ptr<Answer> answer);
};

net::task<> NameLookup::State::run(std::shared_ptr<State> self, std::string name,
                                   std::shared_ptr<Answer> answer) {
  try {
    answer->address = co_await self->workers.run(self->executor, [name] { return look_up(name); });
  } catch (const Error& error) {
    answer->failure = error;
  }
  answer->there = true;
  self->running = false;
  self->ended.notify();
}

NameLookup::NameLookup(net::asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

NameLookup::~NameLookup() = default;

net::task<std::string> NameLookup::address_of(std::string name, std::chrono::milliseconds limit) {
  auto state = state_;
  if (std::exchange(state->running, true))
    throw Error(ErrorCode::exhausted, "looking up " + name + ": the lookup before has not ended");
  auto answer = std::make_shared<State::Answer>();
  net::spawn(state->executor, "name lookup", State::run(state, name, answer));
  for (auto end = std::chrono::steady_clock::now() + limit; !answer->there;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      throw Error(ErrorCode::timeout, "looking up " + name + ": no name server answered in time");
    co_await state->ended.wait_for(left);
  }
  if (answer->failure) throw *answer->failure;
  co_return std::move(answer->address);
}

}  // namespace osb::execd
