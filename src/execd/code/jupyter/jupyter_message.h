// Messages of the Jupyter protocol (5.x) in their form on the wire: frames with identities, a delimiter, a
// signature and four JSON objects. Whoever lacks the key of a kernel can neither forge nor change one. No
// sockets here. Buffers of binary data behind the objects are dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace osb::execd {

struct JupyterMessage {
  std::string type;
  std::string id;
  std::string parent;  // id of the message that this one is about; may be empty
  json::Object content;
  std::string unreadable;  // why the content is empty although the kernel sent some
};

// One side of a connection with a kernel.
class JupyterSession {
 public:
  explicit JupyterSession(std::string key);

  // A request with that id, of this session.
  std::vector<std::string> encode(std::string_view type, const json::Object& content, std::string_view id,
                                  std::string_view parent = {}) const;
  // Throws Error: unauthorized for a signature that is not the key's, invalid for frames that are no message.
  JupyterMessage decode(const std::vector<std::string>& frames) const;

 private:
  std::string key_;
  std::string session_;
};

}  // namespace osb::execd
