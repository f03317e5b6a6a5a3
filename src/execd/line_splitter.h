// Cuts a stream of output bytes into lines, one call of the sink per line. Bytes in, lines out, no I/O; holds
// at most one piece (64 KiB) plus a few bytes.
//
// A line ends with "\n", "\r" or "\r\n" (also when the two bytes come in different reads). With `keep` each
// text holds its terminator, so that the texts put together are exactly what was printed. With `strip`, the
// form of older daemons, it does not, and an empty line is the text "\n". A longer line is handed out in
// pieces; a piece never ends inside a UTF-8 character. With `keep` only the last has a terminator; with
// `strip` the others are marked as partial, since nothing else tells them from whole lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace osb::execd {

class LineSplitter {
 public:
  enum class Terminators { keep, strip };
  using Sink = std::function<void(std::string_view text, bool partial)>;

  static constexpr size_t kPieceBytes = 64 * 1024;

  LineSplitter(Terminators terminators, Sink sink);

  void feed(std::string_view bytes);
  // Nothing more is there at the moment: a line that ends with a lone "\r" (a progress bar) need not wait for
  // the byte that tells whether it was "\r\n".
  void pause();
  // The end of the output: hands out the unterminated rest.
  void finish();

 private:
  void add(std::string_view bytes);
  void end_line(std::string_view terminator);
  void emit(std::string_view text, bool partial = false);
  void cut_pieces();

  Terminators terminators_;
  Sink sink_;
  std::string line_;         // the unfinished line, without its last "\r"
  bool has_pieces_ = false;  // a part of this line was handed out
  bool pending_cr_ = false;  // "\r" seen, the next byte decides
  bool swallow_lf_ = false;  // that "\r" was handed out by pause(): a following "\n" belongs to it
};

}  // namespace osb::execd
