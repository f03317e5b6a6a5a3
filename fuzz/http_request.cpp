// Requests: the same meaning for every split; what we write again is read again as the same.
#include "http_message.h"

namespace {

using namespace osb::http;

BodyFraming parse(std::string_view text, std::string& description) {
  RequestHead head = parse_request_head(text);
  require(!head.method.empty() && !head.target.empty());
  description = head.method + " " + head.target + " ";
  describe(description, head.headers, head.body);

  std::string again;
  append_request_line(again, head.method, head.target);
  bool host = false;
  for (const auto& [name, value] : head.headers) {
    append_header(again, name, value);
    host |= equal_ignoring_case(name, "Host");
  }
  if (!host) append_header(again, "Host", "h");
  again += "\r\n";
  HeadScanner scanner(1 << 20);
  require(scanner.scan(again) == again.size());
  RequestHead second = parse_request_head(again);
  require(second.method == head.method && second.target == head.target);
  require(second.body.kind == head.body.kind && second.body.length == head.body.length);
  return head.body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  compare_pieces({reinterpret_cast<const char*>(data), size}, parse);
  return 0;
}
