#include "execd/line_splitter.h"

#include <utility>

#include "base/byte_block.h"

namespace osb::execd {
namespace {

size_t find_terminator(std::string_view bytes) {
  size_t i = 0;
  for (; i + sizeof(ByteBlock) <= bytes.size(); i += sizeof(ByteBlock)) {
    ByteBlock block = load_block(bytes.data() + i);
    size_t at = first_marked((block == block_of('\n')) | (block == block_of('\r')));
    if (at < sizeof block) return i + at;
  }
  while (i < bytes.size() && bytes[i] != '\n' && bytes[i] != '\r') ++i;
  return i;
}

size_t sequence_length(unsigned char lead) {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

// Where to cut so that at most `limit` bytes come first and no character is split. Bytes that are not UTF-8
// do not move the cut.
size_t cut_point(std::string_view text, size_t limit) {
  for (size_t back = 1; back <= 3; ++back) {
    auto byte = static_cast<unsigned char>(text[limit - back]);
    if ((byte & 0xc0) == 0x80) continue;  // inside a character: look further back for its first byte
    return sequence_length(byte) > back ? limit - back : limit;
  }
  return limit;
}

}  // namespace

LineSplitter::LineSplitter(Terminators terminators, Sink sink)
    : terminators_(terminators), sink_(std::move(sink)) {}

void LineSplitter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (std::exchange(swallow_lf_, false) && bytes[0] == '\n') {
      if (terminators_ == Terminators::keep) emit("\n");
      bytes.remove_prefix(1);
      continue;
    }
    if (std::exchange(pending_cr_, false)) {
      bool both = bytes[0] == '\n';
      if (both) bytes.remove_prefix(1);
      end_line(both ? "\r\n" : "\r");
      continue;
    }
    size_t length = find_terminator(bytes);
    if (length < bytes.size() && line_.empty() && !has_pieces_ && bytes[length] == '\n' &&
        length < kPieceBytes) {
      // The usual case, a whole line inside one read, goes out without a copy.
      if (length > 0 || terminators_ == Terminators::keep)
        emit(bytes.substr(0, terminators_ == Terminators::keep ? length + 1 : length));
      else
        emit("\n");
      bytes.remove_prefix(length + 1);
      continue;
    }
    add(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (bytes.empty()) break;
    if (bytes[0] == '\n')
      end_line("\n");
    else
      pending_cr_ = true;
    bytes.remove_prefix(1);
  }
}

void LineSplitter::pause() {
  if (!std::exchange(pending_cr_, false)) return;
  end_line("\r");
  swallow_lf_ = true;
}

void LineSplitter::finish() {
  if (std::exchange(pending_cr_, false)) end_line("\r");
  if (!line_.empty()) emit(std::exchange(line_, {}));
  has_pieces_ = false;
}

void LineSplitter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    // Room for one piece and the character that may straddle its end.
    std::string_view part = bytes.substr(0, kPieceBytes + 4 - line_.size());
    line_.append(part);
    bytes.remove_prefix(part.size());
    cut_pieces();
  }
}

void LineSplitter::cut_pieces() {
  while (line_.size() > kPieceBytes) {
    size_t cut = cut_point(line_, kPieceBytes);
    emit(std::string_view(line_).substr(0, cut), terminators_ == Terminators::strip);
    line_.erase(0, cut);
    has_pieces_ = true;
  }
}

void LineSplitter::end_line(std::string_view terminator) {
  bool was_cut = std::exchange(has_pieces_, false);
  if (terminators_ == Terminators::keep)
    line_.append(terminator);
  else if (line_.empty() && !was_cut)
    line_ = "\n";
  if (!line_.empty()) emit(line_);
  line_.clear();
}

void LineSplitter::emit(std::string_view text, bool partial) { sink_(text, partial); }

}  // namespace osb::execd
