#include "base/ids.h"

#include <errno.h>
#include <sys/random.h>

#include <array>

#include "base/error.h"

namespace osb {

void fill_random(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::getrandom(bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    check(n, "reading random bytes");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

namespace {
constexpr char kHex[] = "0123456789abcdef";
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::array<unsigned char, 16> uuid_bytes() {
  std::array<unsigned char, 16> bytes;
  fill_random(bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (unsigned char b : bytes) {
    text += kHex[b >> 4];
    text += kHex[b & 15];
  }
  return text;
}
}  // namespace

std::string new_hex_id() { return hex(uuid_bytes()); }

std::string new_uuid() {
  std::string text = new_hex_id();
  for (size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

std::string new_token() {
  std::array<unsigned char, 24> bytes;
  fill_random(bytes);
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = unsigned(bytes[i]) << 16 | unsigned(bytes[i + 1]) << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += kBase64Url[(group >> shift) & 63];
  }
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); i++)
    difference |= static_cast<unsigned char>(a[i] ^ (b.empty() ? '\1' : b[i % b.size()]));
  return difference == 0;
}

}  // namespace osb
