#include "execd/client_version.h"

#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace osb::execd {
namespace {

constexpr std::string_view kLanguages[] = {"Python", "JS", "Kotlin", "CSharp", "Go"};
using Version = std::array<unsigned, 3>;
constexpr Version kKeepsTerminators = {1, 1, 1};

// The leading numbers of "0.1.11", "1.1", "1.1.1rc2"; missing ones are 0.
std::optional<Version> parse_version(std::string_view text) {
  Version version = {};
  for (unsigned& part : version) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.size() < 2 || text[0] != '.' || text[1] < '0' || text[1] > '9') return version;
    text.remove_prefix(1);
  }
  return version;
}

}  // namespace

bool wants_stripped_lines(std::string_view user_agent) {
  for (std::string_view language : kLanguages) {
    std::string product = "OpenSandbox-" + std::string(language) + "-SDK/";
    size_t at = user_agent.find(product);
    if (at == std::string_view::npos) continue;
    std::optional<Version> version = parse_version(user_agent.substr(at + product.size()));
    return version && *version < kKeepsTerminators;
  }
  return false;
}

}  // namespace osb::execd
