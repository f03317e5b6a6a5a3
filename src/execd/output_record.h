// What a command prints on one of its descriptors, on its way into a journal: bytes in, one event per line.
// Lines that came in one read carry the time of that read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "execd/event.h"
#include "execd/journal.h"
#include "execd/line_splitter.h"

namespace osb::execd {

class OutputRecord {
 public:
  OutputRecord(std::shared_ptr<Journal> journal, OutputKind kind, LineSplitter::Terminators terminators);
  OutputRecord(const OutputRecord&) = delete;

  // `more` is false when nothing else is there at the moment.
  void take(std::string_view bytes, bool more);
  // The end of the output: the unterminated rest.
  void finish();
  bool congested() const { return journal_->congested(); }

 private:
  void record(std::string_view text, bool partial);

  std::shared_ptr<Journal> journal_;
  OutputKind kind_;
  std::string tail_;  // of events of this moment
  LineSplitter splitter_;
};

}  // namespace osb::execd
