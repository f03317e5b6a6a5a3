#include "server/expiry.h"

#include <algorithm>
#include <map>
#include <set>

#include "net/timer.h"

namespace osb::server {

struct Expiry::State {
  State(net::asio::any_io_executor e, std::function<net::task<>(std::string)> x)
      : executor(e), expire(std::move(x)), changed(e) {}

  net::asio::any_io_executor executor;
  std::function<net::task<>(std::string)> expire;
  net::Event changed;
  std::set<std::pair<TimePoint, std::string>> order;
  std::map<std::string, TimePoint> deadlines;
  bool stopped = false;

  void fire_due() {
    TimePoint present = now();
    while (!order.empty() && order.begin()->first <= present) {
      std::string id = order.begin()->second;
      order.erase(order.begin());
      deadlines.erase(id);
      net::spawn(executor, "expiry of a sandbox", expire(std::move(id)));
    }
  }

  std::chrono::milliseconds until_next() const {
    constexpr std::chrono::milliseconds kLongest = std::chrono::seconds(30);
    if (order.empty()) return kLongest;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(order.begin()->first - now());
    return std::clamp(left, std::chrono::milliseconds(1), kLongest);
  }
};

Expiry::Expiry(net::asio::any_io_executor executor, std::function<net::task<>(std::string)> expire)
    : state_(std::make_shared<State>(std::move(executor), std::move(expire))) {}

Expiry::~Expiry() { stop(); }

void Expiry::set(const std::string& id, std::optional<TimePoint> deadline) {
  State& s = *state_;
  if (auto known = s.deadlines.find(id); known != s.deadlines.end()) {
    s.order.erase({known->second, id});
    s.deadlines.erase(known);
  }
  if (!deadline) return;
  s.deadlines[id] = *deadline;
  bool first = s.order.emplace(*deadline, id).first == s.order.begin();
  if (first) s.changed.notify();
}

namespace {
template <class State>
net::task<> watch(std::shared_ptr<State> state) {
  while (!state->stopped) {
    state->fire_due();
    co_await state->changed.wait_for(state->until_next());
  }
}
}  // namespace

void Expiry::start() { net::spawn(state_->executor, "expiry", watch(state_)); }

void Expiry::stop() {
  state_->stopped = true;
  state_->changed.notify();
}

size_t Expiry::size() const { return state_->order.size(); }

}  // namespace osb::server
