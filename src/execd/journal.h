// The record of one execution's events: what its streams are read from, by the first client and by those that
// come back. It knows nothing of HTTP (event_stream.h brings it to a response).
//
// Every event gets an `eid`, an integer that counts from 1, as its last member. The newest events are kept,
// up to a number of bytes. While a reader is attached nothing is dropped that it has not got: the producer
// looks at congested() and stops reading the workload's output instead. Without a reader the oldest events
// go, and a reader that asks for them gets a `gap` event in their place.
//
// A reader that has taken nothing for kStuckTime holds the producer back only as long as it is the only one:
// a connection that died unnoticed must not stop the client that came back on another one. Everything runs on
// one loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "execd/journal_budget.h"
#include "execd/journal_segment.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

// How events are written down: as a JSON object and a blank line, or as a server-sent event with `id:` and
// `data:` lines.
enum class Framing { lines, sse };

// Appends `event` in that form; eid 0 stands for none.
void append_framed(std::string& out, std::string_view event, int64_t eid, Framing framing);

class Journal : public std::enable_shared_from_this<Journal> {
 public:
  static constexpr size_t kKeptBytes = 8 * 1024 * 1024;
  static constexpr size_t kCongestedBytes = 256 * 1024;
  static constexpr std::chrono::seconds kStuckTime{10};

  // `budget`, which may be null, is told how much is kept.
  explicit Journal(net::asio::any_io_executor executor, size_t kept_bytes = kKeptBytes,
                   std::shared_ptr<JournalBudget> budget = nullptr);
  ~Journal();
  Journal(const Journal&) = delete;

  // Records one event: a JSON object without a line feed in it. After close() it does nothing.
  void append(std::string_view event);
  // Records an event made of three parts: `head` (to the colon in front of a string), `text`, which becomes
  // that JSON string, and `tail` (what follows, without the closing brace). The way of output, which may be
  // millions of events: they are written once, where they are kept.
  void append_text(std::string_view head, std::string_view text, std::string_view tail);
  // No more events: readers that have got all of them are at the end.
  void close();
  // Runs once, in close(). One listener: whoever keeps ended journals.
  void on_close(std::function<void()> listener) { ended_ = std::move(listener); }
  bool closed() const { return closed_; }
  // An `error` event was recorded.
  bool failed() const { return failed_; }

  // True while more than kCongestedBytes wait for the slowest reader.
  bool congested() const;
  // Runs on the loop whenever congestion may be over: something was taken, or a reader left. One listener,
  // the producer; it may look at congested() again.
  void on_drain(std::function<void()> listener) { drained_ = std::move(listener); }

  int64_t last_eid() const { return last_eid_; }  // 0: nothing yet
  int64_t dropped() const { return first_eid() - 1; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }  // bytes kept
  bool attached() const { return !readers_.empty(); }
  // Drops the oldest events until at most that many bytes are kept, but none that a reader waits for.
  void shrink_to(size_t bytes);

  // One reading of the journal; attached as long as it lives, and keeps the journal alive.
  class Reader {
   public:
    Reader(std::shared_ptr<Journal> journal, int64_t after_eid);
    ~Reader();
    Reader(const Reader&) = delete;

    // Appends what is newer than the last event taken: one event, however long, and more up to about `limit`
    // bytes. False if there is nothing new at the moment.
    bool take(std::string& out, size_t limit, Framing framing);
    // Everything was taken and nothing will follow.
    bool at_end() const;
    // Waits for something to take; false when the time passed first.
    net::task<bool> wait_for(std::chrono::milliseconds limit);
    // Between these two the reader is busy handing on what it took.
    void begin_write(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());
    void end_write();

   private:
    friend class Journal;
    uint64_t waiting() const { return journal_->end_ - position_; }
    bool stuck() const;
    void take_events(std::string& out, std::string_view events, size_t end, Framing framing);

    std::shared_ptr<Journal> journal_;
    int64_t eid_;        // of the last event taken
    uint64_t position_;  // where the next one begins
    std::chrono::steady_clock::time_point writing_since_ = std::chrono::steady_clock::time_point::max();
  };

 private:
  int64_t first_eid() const { return segments_.empty() ? last_eid_ + 1 : segments_.front().first_eid(); }
  char* room_for(size_t bytes);
  void end_event(char* out);
  bool wanted(uint64_t before) const;
  uint64_t position_after(int64_t eid) const;
  const JournalSegment* segment_at(uint64_t position) const;
  void tell_producer();

  net::Event changed_;
  size_t kept_bytes_;
  std::shared_ptr<JournalBudget> budget_;
  std::deque<JournalSegment> segments_;
  size_t next_capacity_;
  std::list<const Reader*> readers_;
  uint64_t begin_ = 0, end_ = 0;
  int64_t last_eid_ = 0;
  bool closed_ = false, failed_ = false;
  std::function<void()> drained_;
  std::function<void()> ended_;
};

}  // namespace osb::execd
