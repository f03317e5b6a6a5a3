#include "launcher/image_name.h"

#include <algorithm>

#include "base/error.h"

namespace osb::launcher {

namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool alphanumeric(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool plain(char c) { return lower_or_digit(c) || c == '.' || c == '_' || c == '-'; }

// Runs of letters and digits, separated by one of . _ __ or any number of dashes.
bool is_path_component(std::string_view text) {
  if (text.empty() || !lower_or_digit(text.front()) || !lower_or_digit(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && !lower_or_digit(text[end])) ++end;
    std::string_view separator = text.substr(i, end - i);
    bool dashes = std::ranges::all_of(separator, [](char c) { return c == '-'; });
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    i = end;
  }
  return true;
}

// The first component is a registry when it has a dot or a port, or is "localhost".
bool is_registry(std::string_view text) {
  if (text != "localhost" && text.find_first_of(".:") == text.npos) return false;
  size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  if (host.empty() || !alphanumeric(host.front()) || !alphanumeric(host.back()) ||
      !std::ranges::all_of(host, [](char c) { return alphanumeric(c) || c == '.' || c == '-'; }))
    return false;
  if (colon == text.npos) return true;
  std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_repository(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != text.npos && is_registry(text.substr(0, slash))) text.remove_prefix(slash + 1);
  for (;;) {
    slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == text.npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text[0] != '.' && text[0] != '-' &&
         std::ranges::all_of(text,
                             [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == 0 || colon == text.npos || text.size() - colon - 1 < 32) return false;
  return std::ranges::all_of(text.substr(0, colon), [](char c) { return lower_or_digit(c) || c == '+'; }) &&
         std::ranges::all_of(text.substr(colon + 1),
                             [](char c) { return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9'); });
}

constexpr char kHex[] = "0123456789abcdef";
int hex_value(char c) {
  const char* at = std::find(kHex, kHex + 16, c);
  return at == kHex + 16 ? -1 : static_cast<int>(at - kHex);
}

}  // namespace

std::string normalise_image_name(std::string_view name) {
  auto refuse = [&] {
    return Error(ErrorCode::invalid, "reading image name \"" + std::string(name.substr(0, 200)) +
                                         "\": expected [registry/]name[:tag][@digest]");
  };
  std::string_view rest = name;
  std::string suffix;
  if (size_t at = rest.find('@'); at != rest.npos) {
    if (!is_digest(rest.substr(at + 1))) throw refuse();
    suffix = rest.substr(at);
    rest = rest.substr(0, at);
  }
  size_t colon = rest.rfind(':');
  if (colon != rest.npos && rest.find('/', colon) == rest.npos) {
    if (!is_tag(rest.substr(colon + 1))) throw refuse();
    suffix = std::string(rest.substr(colon)) + suffix;
    rest = rest.substr(0, colon);
  }
  if (!is_repository(rest)) throw refuse();
  if (suffix.empty()) suffix = ":latest";
  for (std::string_view prefix : {"docker.io/", "index.docker.io/", "library/"})
    if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
  std::string normal = std::string(rest) + suffix;
  if (normal == "host:latest") return std::string(kHostImage);
  if (encode_image_name(normal).size() > 255) throw refuse();
  return normal;
}

std::string encode_image_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (plain(c) && !(c == '.' && out.empty())) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::optional<std::string> decode_image_name(std::string_view directory) {
  std::string out;
  for (size_t i = 0; i < directory.size(); ++i) {
    if (directory[i] != '%') {
      out += directory[i];
      continue;
    }
    if (i + 2 >= directory.size()) return std::nullopt;
    int high = hex_value(directory[i + 1]), low = hex_value(directory[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (out.empty() || encode_image_name(out) != directory) return std::nullopt;
  return out;
}

}  // namespace osb::launcher
