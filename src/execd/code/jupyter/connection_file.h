// What a kernel is told about where to listen, and a private place for it: a directory that only our user may
// enter, with the file that names the key. Sockets are in that directory too, unless the kernel can only TCP.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/stream.h"
#include "net/task.h"

namespace osb::execd {

enum class KernelTransport { ipc, tcp };
enum class KernelChannel { shell, iopub, stdin_, control, heartbeat };

class ConnectionFile {
 public:
  // Chooses a random key, and for TCP ports of the loopback that are free now. Throws Error.
  ConnectionFile(KernelTransport transport, std::string_view kernel_name);
  ~ConnectionFile();  // removes the directory and what belongs in it
  ConnectionFile(const ConnectionFile&) = delete;

  std::string path() const { return directory_ + "/kernel.json"; }
  const std::string& key() const { return key_; }
  // The kernel made one of its sockets; for TCP never.
  bool has_sockets() const;
  // Throws Error(unavailable) as long as the kernel does not listen there.
  net::task<std::unique_ptr<net::Stream>> connect(net::asio::any_io_executor executor, KernelChannel channel,
                                                  std::chrono::milliseconds limit) const;

 private:
  // Names of one socket: some kernels put a colon where most have a dash.
  std::vector<std::string> socket_paths(KernelChannel channel) const;
  std::string text(std::string_view kernel_name) const;

  KernelTransport transport_;
  std::string directory_;
  std::string key_;
  std::array<uint16_t, 5> ports_{};
};

}  // namespace osb::execd
