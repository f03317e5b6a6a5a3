// A connected byte stream. One thread may read while another writes; everything else is one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "transport/address.h"
#include "transport/wait.h"

namespace opensandbox::detail {

class Channel {
 public:
  virtual ~Channel() = default;
  // At least one byte, 0 when the peer ended its side. Throws Failure(timeout | cancelled | broken).
  virtual size_t read(std::span<char> room, const Wait& wait) = 0;
  // All of it. Throws as read; then part of it may have been sent.
  virtual void write(std::string_view bytes, const Wait& wait) = 0;
  // Whether it is open and has nothing to read: an idle connection that is fit for another request.
  virtual bool quiet() = 0;
};

// Throws Failure(not_sent | untrusted | timeout | cancelled); also Error(internal) where OpenSSL cannot be
// used.
std::unique_ptr<Channel> open_channel(const Address& address, const std::string& ca_file, const Wait& wait);

}  // namespace opensandbox::detail
