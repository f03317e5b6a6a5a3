// Any bytes, cut anywhere, give the same parts as in one piece, and nothing is held beyond the documented
// bounds.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "execd/files/multipart_parser.h"

namespace {

using osb::execd::MultipartParser;

struct Recorder : MultipartParser::Events {
  std::string seen;
  bool open = false;
  void on_part(MultipartParser::Part part) override {
    if (open) abort();
    open = true;
    seen += "\x01" + part.name + "\x02" + part.filename.value_or("\x03") + "\x04" +
            (part.length ? std::to_string(*part.length) : std::string());
  }
  void on_data(std::string_view bytes) override {
    if (!open || bytes.empty()) abort();
    seen += bytes;
  }
  void on_part_end() override {
    if (!open) abort();
    open = false;
    seen += "\x05";
  }
};

std::string run(std::string_view text, size_t step) {
  Recorder recorder;
  MultipartParser parser("b", recorder);
  try {
    for (; !text.empty(); text.remove_prefix(step < text.size() ? step : text.size()))
      parser.feed(text.substr(0, step));
  } catch (const osb::Error&) {
    return recorder.seen + "\x06";
  }
  return recorder.seen + (parser.complete() ? "\x07" : "\x08");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t step = data[0] % 17 + 1;
  MultipartParser::boundary_of(text);
  if (run(text, step) != run(text, size)) abort();
  return 0;
}
