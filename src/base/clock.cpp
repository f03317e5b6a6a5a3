#include "base/clock.h"

#include <fmt/core.h>

#include <charconv>

namespace osb {

using namespace std::chrono;

TimePoint now() { return time_point_cast<nanoseconds>(system_clock::now()); }
int64_t unix_ms(TimePoint t) { return floor<milliseconds>(t).time_since_epoch().count(); }
int64_t unix_us(TimePoint t) { return floor<microseconds>(t).time_since_epoch().count(); }
TimePoint from_unix_us(int64_t us) { return TimePoint(microseconds(us)); }

namespace {

std::string seconds_part(TimePoint t) {
  auto day = floor<days>(t);
  year_month_day date(day);
  hh_mm_ss clock(floor<seconds>(t - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

int64_t sub_second_nanos(TimePoint t) { return (t - floor<seconds>(t)).count(); }

// A cursor over the text of a time.
class TimeText {
 public:
  explicit TimeText(std::string_view text) : rest_(text) {}

  std::optional<int> digits(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < count; i++) {
      if (rest_[i] < '0' || rest_[i] > '9') return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view set) {
    if (rest_.empty() || set.find(rest_[0]) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool done() const { return rest_.empty(); }
  bool at_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

 private:
  std::string_view rest_;
};

std::optional<TimePoint> from_unix_digits(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr int64_t kLargestSeconds = 20'000'000'000;  // beyond that the number is in milliseconds
  if (value > kLargestSeconds || value < -kLargestSeconds) {
    if (value > 253'402'300'799'000 || value < -62'135'596'800'000) return std::nullopt;
    if (value > 9'000'000'000'000 || value < -9'000'000'000'000)
      return std::nullopt;  // nanosecond clock ends
    return TimePoint(milliseconds(value));
  }
  if (value > 9'000'000'000 || value < -9'000'000'000) return std::nullopt;
  return TimePoint(seconds(value));
}

// "+HH:MM", "-HHMM", "Z" or nothing; minutes east of UTC.
std::optional<int> read_offset(TimeText& text) {
  if (text.take_any("Zz")) return 0;
  int sign = 1;
  if (text.peek() == '-') sign = -1;
  if (!text.take_any("+-")) return 0;
  auto hours = text.digits(2);
  text.take(':');
  auto minutes = text.digits(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

int64_t read_fraction(TimeText& text) {
  int64_t nanos = 0;
  int64_t scale = 100'000'000;
  while (text.at_digit()) {
    nanos += *text.digits(1) * scale;
    scale /= 10;
  }
  return nanos;
}

}  // namespace

std::string rfc3339_micros(TimePoint t) {
  int64_t micros = sub_second_nanos(t) / 1000;
  if (micros == 0) return seconds_part(t) + "Z";
  return fmt::format("{}.{:06}Z", seconds_part(t), micros);
}

std::string rfc3339_nanos(TimePoint t) {
  int64_t nanos = sub_second_nanos(t);
  if (nanos == 0) return seconds_part(t) + "Z";
  std::string fraction = fmt::format("{:09}", nanos);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return seconds_part(t) + "." + fraction + "Z";
}

std::optional<TimePoint> parse_time(std::string_view s) {
  if (s.find_first_not_of("0123456789", s.starts_with('-') ? 1 : 0) == std::string_view::npos)
    return s.empty() ? std::nullopt : from_unix_digits(s);
  TimeText text(s);
  auto y = text.digits(4);
  bool dashes = text.take('-');
  auto m = text.digits(2);
  dashes = text.take('-') && dashes;
  auto d = text.digits(2);
  if (!y || !m || !d || !dashes) return std::nullopt;
  year_month_day date{year(*y), month(unsigned(*m)), day(unsigned(*d))};
  // The nanosecond clock covers 1677 to 2262; beyond it a time is refused rather than wrapped.
  if (!date.ok() || *y < 1678 || *y > 2261) return std::nullopt;
  TimePoint at = TimePoint(sys_days(date));
  if (text.done()) return at;
  if (!text.take_any("Tt ")) return std::nullopt;
  auto hours_ = text.digits(2);
  bool colon = text.take(':');
  auto minutes_ = text.digits(2);
  if (!hours_ || !minutes_ || !colon || *hours_ > 23 || *minutes_ > 59) return std::nullopt;
  at += hours(*hours_) + minutes(*minutes_);
  if (text.take(':')) {
    auto seconds_ = text.digits(2);
    if (!seconds_ || *seconds_ > 59) return std::nullopt;
    at += seconds(*seconds_);
    if (text.take_any(".,")) at += nanoseconds(read_fraction(text));
  }
  auto offset = read_offset(text);
  if (!offset || !text.done()) return std::nullopt;
  return at - minutes(*offset);
}

}  // namespace osb
