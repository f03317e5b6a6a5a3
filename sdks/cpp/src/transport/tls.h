// TLS over a Socket by OpenSSL, which is first touched when an https address is opened.
#pragma once

#include "transport/channel.h"
#include "transport/socket.h"

namespace opensandbox::detail {

// Checks the peer's certificate and name. Throws Failure(untrusted) when they do not hold, Failure(not_sent)
// with OpenSSL's reason when the handshake fails otherwise.
std::unique_ptr<Channel> open_tls(std::unique_ptr<Socket> socket, const std::string& host,
                                  const std::string& ca_file, const Wait& wait);

}  // namespace opensandbox::detail
