// Answers: the same meaning for every split. The first byte chooses the method that they answer.
#include "http_message.h"

namespace {

using namespace osb::http;

BodyFraming parse_as(std::string_view method, std::string_view text, std::string& description) {
  ResponseHead head = parse_response_head(text, method);
  description = std::to_string(head.status) + " " + (head.keep_alive ? "keep " : "close ");
  describe(description, head.headers, head.body);
  require(head.body.kind != BodyFraming::Kind::until_close || !head.keep_alive);
  return head.body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string_view method = data[0] & 1 ? "HEAD" : "GET";
  compare_pieces(wire,
                 [method](std::string_view text, std::string& out) { return parse_as(method, text, out); });
  return 0;
}
