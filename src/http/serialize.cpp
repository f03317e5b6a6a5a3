#include <charconv>

#include "http/codec.h"

namespace osb::http {

namespace {
void append_clean(std::string& out, std::string_view text) {
  size_t from = out.size();
  out += text;
  for (size_t i = from; i < out.size(); i++)
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
}
}  // namespace

void append_request_line(std::string& out, std::string_view method, std::string_view target) {
  append_clean(out, method);
  out += ' ';
  size_t from = out.size();
  append_clean(out, target);
  for (size_t i = from; i < out.size(); i++)
    if (out[i] == ' ') out.replace(i, 1, "%20");
  out += " HTTP/1.1\r\n";
}

void append_status_line(std::string& out, int status) {
  out += "HTTP/1.1 ";
  out += std::to_string(status);
  out += ' ';
  out += reason_phrase(status);
  out += "\r\n";
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  append_clean(out, name);
  out += ": ";
  append_clean(out, value);
  out += "\r\n";
}

void append_chunk_size(std::string& out, uint64_t size) {
  char digits[16];
  auto end = std::to_chars(digits, digits + sizeof(digits), size, 16).ptr;
  out.append(digits, end);
  out += "\r\n";
}

}  // namespace osb::http
