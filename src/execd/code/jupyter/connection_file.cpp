#include "execd/code/jupyter/connection_file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/json.h"
#include "sys/text_file.h"

namespace osb::execd {
namespace {

constexpr std::array<const char*, 5> kPortNames{"shell_port", "iopub_port", "stdin_port", "control_port",
                                                "hb_port"};
// Below the range that the kernel takes from for outgoing connections: one of those that finds no listener
// could meet itself.
constexpr uint16_t kFirstPort = 10'000, kPorts = 22'000;
constexpr const char* kLoopback = "127.0.0.1";

// Short, since the names of sockets are, and without a dash, at which a kernel (xeus) may cut its own.
std::string make_directory() {
  Error last(ErrorCode::internal, "no place");
  for (const char* place : {"/tmp", "/dev/shm", "/run", "/var/tmp"}) {
    std::string name = std::string(place) + "/osb_kernel_XXXXXX";
    if (::mkdtemp(name.data())) return name;
    last = system_error("making the directory of a kernel");
  }
  throw last;
}

Fd bind_loopback(uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  return socket;
}

std::array<uint16_t, 5> free_ports() {
  constexpr int kTries = 1000;
  std::array<uint16_t, 5> ports{};
  std::vector<Fd> held;
  for (int i = 0; i < kTries && held.size() < ports.size(); ++i) {
    uint16_t number = 0;
    unsigned char bytes[sizeof number];
    fill_random(bytes);
    std::memcpy(&number, bytes, sizeof number);
    number = static_cast<uint16_t>(kFirstPort + number % kPorts);
    Fd socket = bind_loopback(number);
    if (!socket) continue;
    ports[held.size()] = number;
    held.push_back(std::move(socket));
  }
  if (held.size() < ports.size())
    throw Error(ErrorCode::exhausted, "starting a kernel: no free ports on the loopback");
  return ports;
}

}  // namespace

ConnectionFile::ConnectionFile(KernelTransport transport, std::string_view kernel_name)
    : transport_(transport), directory_(make_directory()), key_(new_hex_id() + new_hex_id()) {
  try {
    if (transport_ == KernelTransport::tcp)
      ports_ = free_ports();
    else
      for (size_t i = 0; i < ports_.size(); ++i) ports_[i] = static_cast<uint16_t>(i + 1);
    sys::create_text(AT_FDCWD, path(), text(kernel_name), 0600);
  } catch (...) {
    ::rmdir(directory_.c_str());
    throw;
  }
}

ConnectionFile::~ConnectionFile() {
  ::unlink(path().c_str());
  for (size_t i = 0; i < ports_.size(); ++i)
    for (const std::string& socket : socket_paths(static_cast<KernelChannel>(i))) ::unlink(socket.c_str());
  ::rmdir(directory_.c_str());
}

std::string ConnectionFile::text(std::string_view kernel_name) const {
  json::Object out;
  out["transport"] = transport_ == KernelTransport::tcp ? "tcp" : "ipc";
  out["ip"] = transport_ == KernelTransport::tcp ? kLoopback : directory_ + "/k";
  for (size_t i = 0; i < ports_.size(); ++i) out[kPortNames[i]] = ports_[i];
  out["key"] = key_;
  out["signature_scheme"] = "hmac-sha256";
  out["kernel_name"] = kernel_name;
  return json::serialize(out);
}

std::vector<std::string> ConnectionFile::socket_paths(KernelChannel channel) const {
  if (transport_ == KernelTransport::tcp) return {};
  std::string number = std::to_string(ports_[static_cast<size_t>(channel)]);
  return {directory_ + "/k-" + number, directory_ + "/k:" + number};
}

bool ConnectionFile::has_sockets() const {
  for (size_t i = 0; i < ports_.size(); ++i)
    for (const std::string& socket : socket_paths(static_cast<KernelChannel>(i)))
      if (::access(socket.c_str(), F_OK) == 0) return true;
  return false;
}

net::task<std::unique_ptr<net::Stream>> ConnectionFile::connect(net::asio::any_io_executor executor,
                                                                KernelChannel channel,
                                                                std::chrono::milliseconds limit) const {
  if (transport_ == KernelTransport::tcp)
    co_return co_await net::connect_tcp(executor, kLoopback, ports_[static_cast<size_t>(channel)], limit);
  for (const std::string& path : socket_paths(channel))
    if (::access(path.c_str(), F_OK) == 0) co_return co_await net::connect_unix(executor, path, limit);
  throw Error(ErrorCode::unavailable, "connecting with a kernel: it does not listen yet");
}

}  // namespace osb::execd
