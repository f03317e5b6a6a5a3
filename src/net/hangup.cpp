#include "net/hangup.h"

#include <sys/epoll.h>

#include <unordered_map>
#include <utility>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/query.hpp>

#include "base/error.h"

namespace osb::net {

namespace {

// The second epoll set of a loop. Watches are found by number, never by pointer: an event may be under way
// when its watch ends. While nobody watches, nothing waits, so that Loop::run() can end.
class HangupSet : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit HangupSet(asio::execution_context& context)
      : service(context), set_(static_cast<asio::io_context&>(context)) {
    set_.assign(check(::epoll_create1(EPOLL_CLOEXEC), "creating an epoll set"));
  }

  uint64_t add(int fd, std::function<void()> on_hangup) {
    uint64_t number = ++last_;
    epoll_event event{EPOLLRDHUP | EPOLLONESHOT, {.u64 = number}};
    check(::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event), "watching a connection for its end");
    watches_.emplace(number, std::move(on_hangup));
    if (!waiting_) wait();
    return number;
  }

  void remove(int fd, uint64_t number) {
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);  // fails if the socket is closed: as good
    watches_.erase(number);
    if (watches_.empty() && waiting_) set_.cancel();
  }

 private:
  void shutdown() override { watches_.clear(); }

  void wait() {
    waiting_ = true;
    set_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code&) {
      waiting_ = false;
      take_events();
      if (!watches_.empty() && !waiting_) wait();
    });
  }

  void take_events() {
    epoll_event events[64];
    int count = ::epoll_wait(set_.native_handle(), events, std::size(events), 0);
    for (int i = 0; i < count; i++) {
      uint64_t number = events[i].data.u64;  // epoll_event is packed: no reference into it
      auto found = watches_.find(number);
      if (found == watches_.end()) continue;
      auto on_hangup = std::exchange(found->second, nullptr);
      if (on_hangup) on_hangup();  // may add and remove watches
    }
  }

  asio::posix::stream_descriptor set_;
  std::unordered_map<uint64_t, std::function<void()>> watches_;
  uint64_t last_ = 0;
  bool waiting_ = false;
};

asio::execution_context::id HangupSet::id;

}  // namespace

struct HangupWatch::State {
  HangupSet& set;
  int fd;
  uint64_t number;
};

HangupWatch::HangupWatch(Stream& stream, std::function<void()> on_hangup) {
  auto& context = asio::query(stream.executor(), asio::execution::context);
  auto& set = asio::use_service<HangupSet>(context);
  int fd = stream.native_handle();
  state_ = std::make_unique<State>(State{set, fd, set.add(fd, std::move(on_hangup))});
}

HangupWatch::~HangupWatch() { state_->set.remove(state_->fd, state_->number); }

}  // namespace osb::net
