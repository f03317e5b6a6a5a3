#include "execd/output_record.h"

#include <utility>

#include "base/clock.h"

namespace osb::execd {

OutputRecord::OutputRecord(std::shared_ptr<Journal> journal, OutputKind kind,
                           LineSplitter::Terminators terminators)
    : journal_(std::move(journal)),
      kind_(kind),
      splitter_(terminators, [this](std::string_view text, bool partial) { record(text, partial); }) {}

void OutputRecord::take(std::string_view bytes, bool more) {
  tail_ = output_tail(now());
  splitter_.feed(bytes);
  if (!more) splitter_.pause();
}

void OutputRecord::finish() {
  tail_ = output_tail(now());
  splitter_.finish();
}

void OutputRecord::record(std::string_view text, bool partial) {
  if (partial)
    journal_->append_text(output_head(kind_), text, tail_ + std::string(kPartialMember));
  else
    journal_->append_text(output_head(kind_), text, tail_);
}

}  // namespace osb::execd
