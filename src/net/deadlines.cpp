#include "net/deadlines.h"

#include <algorithm>

#include <boost/asio/io_context.hpp>

namespace osb::net {

asio::execution_context::id Deadlines::id;

Deadlines::Deadlines(asio::execution_context& context)
    : asio::execution_context::service(context), timer_(static_cast<asio::io_context&>(context)) {}

Deadlines::Entry::Entry(Deadlines& deadlines) : deadlines_(deadlines), next_(deadlines.first_) {
  if (next_) next_->previous_ = this;
  deadlines.first_ = this;
}

Deadlines::Entry::~Entry() {
  if (previous_) {
    previous_->next_ = next_;
  } else {
    deadlines_.first_ = next_;
  }
  if (next_) next_->previous_ = previous_;
  if (!deadlines_.first_) deadlines_.disarm();  // a waiting timer would keep Loop::run() from ending
}

void Deadlines::Entry::set(Clock::time_point& which, std::chrono::milliseconds after) {
  (&which == &read_ ? read_told_ : write_told_) = false;
  if (after.count() <= 0) {
    which = kNever;
    return;
  }
  which = Clock::now() + after;
  if (which < deadlines_.armed_for_) deadlines_.arm(which);
}

void Deadlines::arm(Clock::time_point at) {
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) fire();
  });
}

void Deadlines::disarm() {
  if (armed_for_ == kNever) return;
  armed_for_ = kNever;
  timer_.cancel();
}

void Deadlines::fire() {
  Clock::time_point now = Clock::now();
  Clock::time_point earliest = kNever;
  for (Entry* entry = first_; entry; entry = entry->next_) {
    if (!entry->read_told_) {
      if (entry->read_ <= now) {
        entry->read_told_ = true;
        entry->read_expired();
      } else {
        earliest = std::min(earliest, entry->read_);
      }
    }
    if (!entry->write_told_) {
      if (entry->write_ <= now) {
        entry->write_told_ = true;
        entry->write_expired();
      } else {
        earliest = std::min(earliest, entry->write_);
      }
    }
  }
  armed_for_ = kNever;
  if (earliest != kNever) arm(std::max(earliest, now + kTick));
}

}  // namespace osb::net
