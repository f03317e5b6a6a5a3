// What `cp`, `file upload` and `file download` share.
#pragma once

#include <string>

#include "osb/invocation.h"
#include "osb/transfer.h"

namespace osb::cli {

int transfer_up(Invocation& run, const std::string& id, const std::string& local, const std::string& remote);
int transfer_down(Invocation& run, const std::string& id, const std::string& remote,
                  const std::string& local);
void report_transfer(Invocation& run, const TransferResult& result, const std::string& target);

}  // namespace osb::cli
