// One change of the image store, as the server asks for it: the archive comes in packets, one reply goes
// back. Runs in a process that does nothing else (image_workers.h); blocks.
//
// The archive counts as whole with ArchiveEnd only, so a server or a client that goes away in the middle
// leaves the store as it was.
#pragma once

#include "launcher/image_store.h"
#include "launcher/protocol.h"

namespace osb::launcher {

// True for the requests that are answered here.
bool is_image_request(const RequestBody& body);

// Does what the request says, and answers on `socket` (SOCK_SEQPACKET, blocking) whatever happens. After a
// failure it takes and drops what the other end still sends, until that one closes: so the answer cannot be
// lost. A sender that is silent for longer than the socket's receive timeout is given up.
void serve_image_request(int socket, ImageStore& store, const Request& request);

}  // namespace osb::launcher
