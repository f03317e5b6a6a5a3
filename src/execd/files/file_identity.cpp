#include "execd/files/file_identity.h"

#include <charconv>

#include "base/error.h"
#include "execd/identity.h"

namespace osb::execd {

namespace {

uint32_t read_id(std::string_view text, std::string_view kind) {
  uint32_t id = 0;
  auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (err != std::errc() || end != text.data() + text.size() || id == UINT32_MAX)
    throw Error(ErrorCode::invalid,
                "reading the path: " + std::string(kind) + " " + std::string(text.substr(0, 32)) +
                    " is not a number from 0 to 4294967294",
                "INVALID_REQUEST_BODY");
  return id;
}

}  // namespace

sys::FileIdentity read_identity(std::string_view uid, std::string_view gid) {
  return {read_id(uid, "uid"), read_id(gid, "gid"), {}};
}

Service service_for(const FileService& daemon, sys::FileIdentity identity) {
  Identity account = identity_of(identity.uid);
  identity.groups = std::move(account.groups);
  return std::make_shared<FileService>(FileService{daemon.rules.at_home(account.home), daemon.workers,
                                                   daemon.watches, daemon.large_uploads,
                                                   std::move(identity)});
}

}  // namespace osb::execd
