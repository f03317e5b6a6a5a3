#include "execd/journal.h"

#include <algorithm>
#include <utility>

#include "execd/event.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
// A unit of dropping. The first segment grows as it is needed, since most executions print little.
constexpr size_t kSegmentBytes = 128 * 1024;
constexpr std::string_view kBlankLine = "\n\n";

// A JSON event holds no raw line feed, so a blank line is always the end of one.
std::string_view first_event(std::string_view text) { return text.substr(0, text.find(kBlankLine)); }

void append_numbered(std::string& out, std::string_view event, int64_t eid) {
  event.remove_suffix(1);  // the closing brace
  out.append(event).append(R"(,"eid":)").append(std::to_string(eid)).append("}").append(kBlankLine);
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
    : changed_(std::move(executor)), kept_bytes_(kept_bytes), budget_(std::move(budget)) {}

Journal::~Journal() {
  if (budget_) budget_->give_back(size());
}

void Journal::append(std::string_view event) {
  if (closed_) return;
  failed_ = failed_ || event.starts_with(R"({"type":"error")");
  Segment& segment = segment_for(event.size());
  size_t before = segment.text.size();
  append_numbered(segment.text, event, ++last_eid_);
  size_t grown = segment.text.size() - before;
  end_ += grown;
  if (size() > kept_bytes_) shrink_to(kept_bytes_);
  if (budget_) budget_->take(grown);
  changed_.notify();
}

Journal::Segment& Journal::segment_for(size_t bytes) {
  bool first = segments_.empty() && begin_ == 0;
  if (segments_.empty() || segments_.back().text.size() + bytes > kSegmentBytes) {
    segments_.push_back({last_eid_ + 1, end_, {}});
    if (!first) segments_.back().text.reserve(std::max(kSegmentBytes, bytes + 64));
  }
  return segments_.back();
}

void Journal::close() {
  if (std::exchange(closed_, true)) return;
  if (!segments_.empty()) segments_.back().text.shrink_to_fit();
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
    const Segment& oldest = segments_.front();
    uint64_t end = oldest.begin + oldest.text.size();
    if (wanted(end)) return;
    if (budget_) budget_->give_back(oldest.text.size());
    begin_ = end;
    segments_.pop_front();
  }
}

// The first event behind `eid` that is kept, or the end.
uint64_t Journal::position_after(int64_t eid) const {
  auto after = std::ranges::upper_bound(segments_, eid + 1, {}, &Segment::first_eid);
  if (after == segments_.begin()) return segments_.empty() ? end_ : begin_;
  const Segment& segment = *std::prev(after);
  std::string_view rest = segment.text;
  for (int64_t at = segment.first_eid; at <= eid && !rest.empty(); ++at)
    rest.remove_prefix(first_event(rest).size() + kBlankLine.size());
  return segment.begin + segment.text.size() - rest.size();
}

const Journal::Segment* Journal::segment_at(uint64_t position) const {
  auto after = std::ranges::upper_bound(segments_, position, {}, &Segment::begin);
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
  size_t start = out.size();
  while (position_ < journal_->end_ && out.size() - start < limit) {
    const Segment& segment = *journal_->segment_at(position_);
    std::string_view rest = segment.text;
    rest.remove_prefix(static_cast<size_t>(position_ - segment.begin));
    while (!rest.empty() && out.size() - start < limit) {
      std::string_view event = first_event(rest);
      append_framed(out, event, ++eid_, framing);
      position_ += event.size() + kBlankLine.size();
      rest.remove_prefix(event.size() + kBlankLine.size());
    }
  }
  journal_->tell_producer();
  return true;
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
