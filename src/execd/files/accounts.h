// Names of users and groups, from /etc/passwd and /etc/group of the sandbox. Read by hand: the static C
// library has no name service, and the sandbox's files are the only source that counts. A file that is
// missing, unreadable or not regular counts as empty; of one larger than 4 MiB the start is read.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace osb::execd {

class Accounts {
 public:
  // As texts of the two files; bad lines are skipped, the first entry of a name or id wins.
  Accounts(std::string_view passwd, std::string_view group);
  static Accounts load(const std::string& passwd = "/etc/passwd", const std::string& group = "/etc/group");

  // By name, else by number. nullopt for neither.
  std::optional<uid_t> uid_of(std::string_view owner) const;
  std::optional<gid_t> gid_of(std::string_view group) const;
  // The name, or the number as text.
  std::string user_name(uid_t uid) const;
  std::string group_name(gid_t gid) const;

 private:
  struct Table {
    std::map<std::string, uint32_t, std::less<>> ids;
    std::unordered_map<uint32_t, std::string> names;
  };
  static Table read(std::string_view text);

  Table users_;
  Table groups_;
};

}  // namespace osb::execd
