#include "launcher/naming.h"

#include <algorithm>

#include "base/error.h"

namespace osb::launcher {

Names names_for(std::string_view real_state_dir) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, with its bits mixed once more
  for (unsigned char c : real_state_dir) hash = (hash ^ c) * 0x100000001b3;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;

  Names names;
  names.hash = hash;
  for (int i = 0; i < 6; i++) names.tag += "abcdefghijklmnopqrstuvwxyz234567"[hash >> (5 * i) & 31];
  names.cgroup = "opensandbox-" + names.tag;
  names.table = "opensandbox_" + names.tag;
  names.link_prefix = std::string(kLinkFamily) + names.tag + "-";
  return names;
}

void check_sandbox_id(std::string_view id) {
  auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'; };
  if (id.empty() || id.size() > 64 || id.front() == '-' || !std::ranges::all_of(id, fits))
    throw Error(ErrorCode::invalid, "reading a sandbox id: not 1 to 64 of 0-9, a-z and -");
}

}  // namespace osb::launcher
