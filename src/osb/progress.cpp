#include "osb/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

#include "osb/output.h"
#include "osb/raw_terminal.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

std::string byte_size(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string progress_line(const std::string& what, uint64_t done, uint64_t total, double seconds,
                          size_t columns) {
  std::string figures;
  if (total) figures = fmt::format("  {:3}%", std::min<uint64_t>(100, done * 100 / total));
  figures += "  " + byte_size(done);
  if (total) figures += " of " + byte_size(total);
  if (seconds > 0.2)
    figures += "  " + byte_size(static_cast<uint64_t>(static_cast<double>(done) / seconds)) + "/s";
  size_t room = columns > figures.size() ? columns - figures.size() : 0;
  return shorten(visible(what), room) + figures;
}

Progress::Progress(std::string what, uint64_t total, bool shown)
    : what_(std::move(what)),
      total_(total),
      shown_(shown && ::isatty(STDERR_FILENO)),
      begun_(Clock::now()),
      last_(begun_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);  // unlike write_all it does not throw
}

void Progress::name(const std::string& what) { what_ = what; }

void Progress::add(uint64_t bytes) {
  done_ += bytes;
  if (!shown_ || Clock::now() - last_ < kPause) return;
  last_ = Clock::now();
  draw();
}

void Progress::draw() {
  drawn_ = true;
  double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  auto columns = static_cast<size_t>(screen_size(STDERR_FILENO).columns);
  write_all(STDERR_FILENO, "\r\x1b[K" + progress_line(what_, done_, total_, seconds, columns - 1));
}

}  // namespace osb::cli
