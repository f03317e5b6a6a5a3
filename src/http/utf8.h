// Whether bytes that arrive in pieces are UTF-8. Overlong forms, surrogates and what lies beyond U+10FFFF are
// not.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::http {

class Utf8Check {
 public:
  // False as soon as no continuation could make the text valid; stays false.
  bool feed(std::string_view bytes);
  // False inside a character.
  bool complete() const { return valid_ && missing_ == 0; }

 private:
  bool begin(uint8_t byte);

  bool valid_ = true;
  int missing_ = 0;  // continuation bytes
  uint8_t low_ = 0x80;
  uint8_t high_ = 0xbf;  // what the next continuation byte may be
};

}  // namespace osb::http
