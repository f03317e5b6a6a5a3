// Waiting until a descriptor takes bytes, for the few writers of descriptors that are not a Stream.
#pragma once

#include "net/task.h"

namespace osb::net {

// Returns when `fd` can be written or its other end is gone (the write then tells which). A Readable may
// watch the same descriptor meanwhile. Not cancellable: the other end must be one that reads or dies.
task<> wait_writable(int fd);

}  // namespace osb::net
