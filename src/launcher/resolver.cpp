#include "launcher/resolver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "sys/text_file.h"

namespace osb::launcher {

namespace {
constexpr const char* kHostFile = "/etc/resolv.conf";
constexpr const char* kBehindStub = "/run/systemd/resolve/resolv.conf";
constexpr size_t kLimit = 64 * 1024;
}  // namespace

std::string filter_resolv_conf(std::string_view text, std::vector<uint32_t>* name_servers) {
  std::string kept;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("nameserver")) {
      size_t from = line.find_first_not_of(" \t", 10);
      if (from == line.npos || from == 10) continue;
      std::string address = line.substr(from, line.find_first_of(" \t\r#;", from) - from);
      in_addr parsed;
      if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1) continue;
      uint32_t host_order = ntohl(parsed.s_addr);
      if (host_order >> 24 == 127 || host_order == 0) continue;
      if (name_servers) name_servers->push_back(host_order);
      kept += "nameserver " + address + "\n";
    } else if (line.starts_with("search") || line.starts_with("domain") || line.starts_with("options")) {
      kept += line + "\n";
    }
  }
  return kept;
}

const std::string& Resolver::text() {
  struct stat info{};
  ::stat(kHostFile, &info);
  if (info.st_mtim.tv_sec == seen_.tv_sec && info.st_mtim.tv_nsec == seen_.tv_nsec) return text_;
  seen_ = info.st_mtim;
  for (const char* path : {kHostFile, kBehindStub}) {
    name_servers_.clear();
    text_ = filter_resolv_conf(sys::try_read_text(AT_FDCWD, path, kLimit).value_or(""), &name_servers_);
    if (!name_servers_.empty()) return text_;
  }
  log_warn("no name server of this machine can be reached from a sandbox: names will not resolve there",
           {{"file", kHostFile}});
  return text_;
}

}  // namespace osb::launcher
