// Requests that are sent again: the header `Idempotency-Key` names a request, and what it began. The same
// request under the same key never begins a second execution; it gets the events of the first one. What is no
// execution but has an id (a terminal session) is begun once in the same way.
//
// A key is kept for a day, longer than most executions; a retry that comes when the events are gone is
// refused, not run. At most kKeptKeys are kept: the oldest whose execution has ended makes room.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "execd/executions.h"
#include "http/server.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

class Retries {
 public:
  static constexpr size_t kKeptKeys = 4096;
  static constexpr size_t kKeyBytes = 255;
  static constexpr std::chrono::hours kKeptTime{24};

  // `executions` outlives us.
  Retries(net::asio::any_io_executor executor, Executions& executions, size_t kept_keys = kKeptKeys);
  Retries(const Retries&) = delete;

 private:
  struct Entry;

 public:
  // The right to begin the execution of one request, or the one that was begun before.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&&) = default;
    Claim& operator=(Claim&&) = default;
    ~Claim();  // without settle(), whoever waits for the outcome may begin

    // Null: the caller begins it, and says so with settle().
    const std::shared_ptr<Execution>& first() const { return first_; }
    void settle(const Execution& execution);
    // The same for what is no execution; the id is empty if the caller begins it. `lasts` is asked when room
    // is needed: a key is kept as long as that is true.
    const std::string& first_id() const { return first_id_; }
    void settle(std::string id, std::function<bool()> lasts);

   private:
    friend class Retries;
    std::shared_ptr<Execution> first_;
    std::string first_id_;
    std::shared_ptr<Entry> entry_;
  };

  // Waits while another request of the same key is about to begin. A request without a key may begin at once.
  // Throws Error: invalid for an impossible key, conflict for another request under a known key or when the
  // events are gone, exhausted when every kept key belongs to a running execution.
  net::task<Claim> claim(const http::Request& request, std::string_view body);

 private:
  void make_room();
  bool runs(const Entry& entry);
  void give_first(const Entry& entry, Claim& claim);

  net::asio::any_io_executor executor_;
  Executions& executions_;
  size_t kept_keys_;
  std::list<std::shared_ptr<Entry>> by_age_;  // oldest first
  std::unordered_map<std::string, std::list<std::shared_ptr<Entry>>::iterator> by_key_;
};

}  // namespace osb::execd
