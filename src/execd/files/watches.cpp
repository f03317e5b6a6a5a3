#include "execd/files/watches.h"

#include "base/ids.h"
#include "execd/event.h"
#include "execd/files/file_service.h"

namespace osb::execd {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSettle{20};  // for the other half of a move
constexpr std::chrono::milliseconds kLook{1000};  // is somebody listening?

}  // namespace

// One that runs. Two coroutines hold it: run() does the work, poll() tells it that there is some.
struct Watches::Watch {
  Watch(net::asio::any_io_executor e, std::chrono::milliseconds unheard_limit)
      : executor(e), changed(e), looked(e), unheard(unheard_limit) {}

  bool heard(Clock::time_point now) {
    if (execution->journal->attached()) heard_at = now;
    return now - heard_at < unheard;
  }

  net::asio::any_io_executor executor;
  net::Event changed;  // readable, ended, or the journal has room
  net::Event looked;   // poll() may go on
  std::chrono::milliseconds unheard;
  Service service;
  std::shared_ptr<WatchTree> tree;
  std::unique_ptr<Place> place;
  std::shared_ptr<Execution> execution;
  std::optional<net::Readable> readable;
  bool ready = false;  // there is something to read
  bool ended = false;
  Clock::time_point begun = Clock::now();
  Clock::time_point heard_at = Clock::now();
};

std::unique_ptr<Watches::Place> Watches::take_place() {
  if (*running_ >= limits_.watches)
    throw Error(ErrorCode::exhausted,
                "watching: " + std::to_string(limits_.watches) + " watches run already");
  return std::make_unique<Place>(running_);
}

std::shared_ptr<Execution> Watches::begin(Service service, std::shared_ptr<WatchTree> tree,
                                          std::unique_ptr<Place> place, net::asio::any_io_executor executor) {
  std::erase_if(known_, [this](const auto& item) { return !executions_.find(item.first); });
  auto watch = std::make_shared<Watch>(executor, limits_.unheard);
  watch->service = std::move(service);
  watch->tree = std::move(tree);
  watch->place = std::move(place);
  watch->execution = executions_.begin(new_hex_id());
  watch->readable.emplace(executor, watch->tree->fd());
  const std::string& id = watch->execution->id;
  std::optional<uid_t> owner;
  if (watch->service->identity) owner = watch->service->identity->uid;
  known_[id] = {owner, watch};
  watch->execution->journal->append(init_event(id, id));
  watch->execution->journal->on_drain([weak = std::weak_ptr(watch)] {
    if (auto still = weak.lock()) still->changed.notify();
  });
  net::spawn(executor, "watch", run(watch));
  net::spawn(executor, "watch poll", poll(watch));
  return watch->execution;
}

std::shared_ptr<Execution> Watches::find(const std::string& id, const std::optional<sys::FileIdentity>& who) {
  auto found = known_.find(id);
  if (found == known_.end() || (who && found->second.owner != who->uid)) return nullptr;
  return executions_.find(id);
}

void Watches::end(const std::string& id) {
  auto found = known_.find(id);
  if (found == known_.end()) return;
  if (auto watch = found->second.watch.lock()) {
    watch->ended = true;
    watch->changed.notify();
  }
}

net::task<> Watches::poll(std::shared_ptr<Watch> watch) {
  try {
    while (!watch->ended) {
      co_await watch->readable->wait();
      watch->ready = true;
      watch->changed.notify();
      while (watch->ready && !watch->ended) co_await watch->looked.wait();
    }
  } catch (const Error&) {
    // cancelled: the watch has ended
  }
}

// While the journal is congested nothing is read: then the kernel's queue overflows, which is an event too.
net::task<> Watches::run(std::shared_ptr<Watch> watch) {
  Journal& journal = *watch->execution->journal;
  std::string last;
  try {
    while (!watch->ended && watch->heard(Clock::now())) {
      bool settle = watch->tree->unsettled();
      if (journal.congested() || (!watch->ready && !settle)) {
        co_await watch->changed.wait_for(std::min(kLook, watch->unheard));
        continue;
      }
      if (!watch->ready) co_await watch->changed.wait_for(kSettle);
      settle = settle && !watch->ready;
      auto changes = std::make_shared<std::vector<Change>>();
      bool more = co_await watch->service->run(
          watch->executor,
          [tree = watch->tree, settle, changes] { return tree->step(kSlice, settle, *changes); },
          Workers::Admission::continued);
      for (const Change& change : *changes) journal.append(change_event(change));
      watch->ready = more;
      watch->looked.notify();
      if (watch->tree->ended()) break;
    }
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - watch->begun);
    last = execution_complete_event(took.count());
  } catch (const Error& error) {
    last = error_event("WatchFailed", error.message(), {});
  }
  journal.append(last);
  journal.close();
  watch->place.reset();
  watch->ended = true;
  watch->readable->cancel();
  watch->looked.notify();
}

}  // namespace osb::execd
