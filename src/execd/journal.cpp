#include "execd/journal.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/json_text.h"
#include "execd/event.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
// A segment is the unit of dropping. The first ones are smaller, since most executions print little; none is
// so large that the C library would ask the kernel for it, and give it back, each time.
constexpr size_t kFirstSegmentBytes = 512;
constexpr size_t kSegmentBytes = 120 * 1024;
constexpr std::string_view kBlankLine = "\n\n";
constexpr std::string_view kEidMember = R"(,"eid":)";
constexpr size_t kEndRoom = kEidMember.size() + 20 + 1 + kBlankLine.size();

// A JSON event holds no raw line feed, so a blank line is always the end of one.
std::string_view first_event(std::string_view text) { return text.substr(0, text.find(kBlankLine)); }

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

void append_framed(std::string& out, std::string_view event, int64_t eid, Framing framing) {
  if (framing == Framing::sse) {
    if (eid > 0) out.append("id: ").append(std::to_string(eid)).append("\n");
    out.append("data: ");
  }
  out.append(event).append(kBlankLine);
}

Journal::Journal(net::asio::any_io_executor executor, size_t kept_bytes,
                 std::shared_ptr<JournalBudget> budget)
    : changed_(std::move(executor)),
      kept_bytes_(kept_bytes),
      budget_(std::move(budget)),
      next_capacity_(kFirstSegmentBytes) {}

Journal::~Journal() {
  if (budget_) budget_->give_back(size());
}

void Journal::append(std::string_view event) {
  if (closed_) return;
  failed_ = failed_ || is_error_event(event);
  event.remove_suffix(1);  // the closing brace
  end_event(put(room_for(event.size()), event));
}

void Journal::append_text(std::string_view head, std::string_view text, std::string_view tail) {
  if (closed_) return;
  char* out = put(room_for(head.size() + json_string_room(text) + tail.size()), head);
  end_event(put(write_json_string(out, text), tail));
}

// Memory for the next event, without its end.
char* Journal::room_for(size_t bytes) {
  bytes += kEndRoom;
  if (segments_.empty() || segments_.back().room() < bytes) {
    segments_.emplace_back(last_eid_ + 1, end_, std::max(bytes, next_capacity_));
    next_capacity_ = std::min(2 * next_capacity_, kSegmentBytes);
  }
  return segments_.back().free_bytes();
}

void Journal::end_event(char* out) {
  JournalSegment& segment = segments_.back();
  out = put(out, kEidMember);
  out = std::to_chars(out, out + 20, ++last_eid_).ptr;
  *out++ = '}';
  out = put(out, kBlankLine);
  auto grown = static_cast<size_t>(out - segment.free_bytes());
  segment.added(grown);
  end_ += grown;
  if (size() > kept_bytes_) shrink_to(kept_bytes_);
  if (budget_) budget_->take(grown);
  changed_.notify();
}

void Journal::close() {
  if (std::exchange(closed_, true)) return;
  if (!segments_.empty()) segments_.back().end_growth();
  changed_.notify();
  if (auto ended = std::exchange(ended_, nullptr)) ended();
}

bool Journal::congested() const {
  bool alone = readers_.size() == 1;
  return std::ranges::any_of(readers_, [&](const Reader* reader) {
    return reader->waiting() > kCongestedBytes && (alone || !reader->stuck());
  });
}

bool Journal::wanted(uint64_t before) const {
  bool alone = readers_.size() == 1;
  return std::ranges::any_of(readers_, [&](const Reader* reader) {
    return reader->position_ < before && (alone || !reader->stuck());
  });
}

void Journal::shrink_to(size_t bytes) {
  while (size() > bytes && !segments_.empty()) {
    const JournalSegment& oldest = segments_.front();
    if (wanted(oldest.end())) return;
    if (budget_) budget_->give_back(oldest.text().size());
    begin_ = oldest.end();
    segments_.pop_front();
  }
}

// The first event behind `eid` that is kept, or the end.
uint64_t Journal::position_after(int64_t eid) const {
  auto after = std::ranges::upper_bound(segments_, eid + 1, {}, &JournalSegment::first_eid);
  if (after == segments_.begin()) return segments_.empty() ? end_ : begin_;
  const JournalSegment& segment = *std::prev(after);
  std::string_view rest = segment.text();
  for (int64_t at = segment.first_eid(); at <= eid && !rest.empty(); ++at)
    rest.remove_prefix(first_event(rest).size() + kBlankLine.size());
  return segment.end() - rest.size();
}

const JournalSegment* Journal::segment_at(uint64_t position) const {
  auto after = std::ranges::upper_bound(segments_, position, {}, &JournalSegment::begin);
  return after == segments_.begin() ? nullptr : &*std::prev(after);
}

void Journal::tell_producer() {
  if (drained_) drained_();
}

Journal::Reader::Reader(std::shared_ptr<Journal> journal, int64_t after_eid)
    : journal_(std::move(journal)),
      eid_(std::clamp<int64_t>(after_eid, 0, journal_->last_eid_)),
      position_(journal_->position_after(eid_)) {
  journal_->readers_.push_back(this);
}

Journal::Reader::~Reader() {
  journal_->readers_.remove(this);
  if (journal_->size() > journal_->kept_bytes_) journal_->shrink_to(journal_->kept_bytes_);
  journal_->tell_producer();
}

bool Journal::Reader::take(std::string& out, size_t limit, Framing framing) {
  if (eid_ == journal_->last_eid_) return false;
  if (int64_t missing = journal_->first_eid() - 1 - eid_; missing > 0) {
    eid_ += missing;
    position_ = journal_->begin_;
    append_framed(out, gap_event(missing, eid_), eid_, framing);
  }
  size_t end = out.size() + limit;
  bool any = false;
  for (; position_ < journal_->end_ && (!any || out.size() < end); any = true) {
    const JournalSegment& segment = *journal_->segment_at(position_);
    std::string_view rest = segment.text().substr(static_cast<size_t>(position_ - segment.begin()));
    if (framing == Framing::lines && out.size() + rest.size() <= end) {
      out.append(rest);
      position_ = segment.end();
      eid_ = segment.last_eid();
    } else if (framing == Framing::sse || !any) {
      take_events(out, rest, end, framing);
    } else {
      break;  // the rest of it goes out whole the next time
    }
  }
  journal_->tell_producer();
  return true;
}

// Event by event, until `out` has that many bytes.
void Journal::Reader::take_events(std::string& out, std::string_view events, size_t end, Framing framing) {
  do {
    std::string_view event = first_event(events);
    append_framed(out, event, ++eid_, framing);
    position_ += event.size() + kBlankLine.size();
    events.remove_prefix(event.size() + kBlankLine.size());
  } while (!events.empty() && out.size() < end);
}

bool Journal::Reader::at_end() const { return journal_->closed_ && eid_ == journal_->last_eid_; }

net::task<bool> Journal::Reader::wait_for(std::chrono::milliseconds limit) {
  return journal_->changed_.wait_for(limit);
}

void Journal::Reader::begin_write(Clock::time_point now) { writing_since_ = now; }
void Journal::Reader::end_write() { writing_since_ = Clock::time_point::max(); }
bool Journal::Reader::stuck() const {
  return writing_since_ != Clock::time_point::max() && Clock::now() - writing_since_ > kStuckTime;
}

}  // namespace osb::execd
