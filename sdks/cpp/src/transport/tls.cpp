// OpenSSL works on memory here and never sees the socket: so it cannot block, and cannot raise SIGPIPE. An
// SSL object belongs to one thread at a time, so a lock is held around each call, and never while waiting for
// the network.
#include "transport/tls.h"

#include <arpa/inet.h>
#include <opensandbox/error.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <mutex>
#include <optional>

#include "transport/failure.h"

namespace opensandbox::detail {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

std::string last_reason(const std::string& otherwise) {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return otherwise;
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : otherwise;
}

bool is_number(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::unique_ptr<SSL_CTX, FreeContext> make_context(const std::string& ca_file) {
  std::unique_ptr<SSL_CTX, FreeContext> context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw Error(ErrorCode::internal, "starting TLS: " + last_reason("no memory"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                               : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
  if (loaded != 1)
    throw Error(ErrorCode::invalid_argument,
                "reading certificates " + ca_file + ": " + last_reason("unreadable"));
  return context;
}

class Tls final : public Channel {
 public:
  Tls(std::unique_ptr<Socket> socket, const std::string& host, const std::string& ca_file)
      : socket_(std::move(socket)), context_(make_context(ca_file)), session_(SSL_new(context_.get())) {
    if (!session_) throw Error(ErrorCode::internal, "starting TLS: " + last_reason("no memory"));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(session_.get(), in_, out_);
    if (is_number(host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), host.c_str());
    } else {
      SSL_set_tlsext_host_name(session_.get(), host.c_str());
      SSL_set1_host(session_.get(), host.c_str());
    }
    SSL_set_connect_state(session_.get());
  }

  void handshake(const Wait& wait) {
    for (;;) {
      std::unique_lock lock(mutex_);
      int done = SSL_do_handshake(session_.get());
      int error = SSL_get_error(session_.get(), done);
      std::optional<Failure> why;
      if (done != 1 && error != SSL_ERROR_WANT_READ) why = failure();
      flush(lock, wait);
      if (done == 1) return;
      if (why) throw *why;
      lock.unlock();
      if (!receive(wait)) throw Failure(Failure::Cause::not_sent, "the peer ended the TLS handshake");
    }
  }

  size_t read(std::span<char> room, const Wait& wait) override {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        size_t count = 0;
        int done = SSL_read_ex(session_.get(), room.data(), room.size(), &count);
        int error = SSL_get_error(session_.get(), done);
        if (done != 1 && error == SSL_ERROR_ZERO_RETURN) return 0;
        if (done != 1 && error != SSL_ERROR_WANT_READ) throw failure();
        flush(lock, wait);
        if (done == 1) return count;
      }
      if (!receive(wait)) throw Failure(Failure::Cause::broken, "the connection ended without saying so");
    }
  }

  void write(std::string_view bytes, const Wait& wait) override {
    constexpr size_t kPiece = 16 * 1024;
    while (!bytes.empty()) {
      std::unique_lock lock(mutex_);
      size_t count = 0;
      if (SSL_write_ex(session_.get(), bytes.data(), std::min(bytes.size(), kPiece), &count) != 1)
        throw failure();
      bytes.remove_prefix(count);
      flush(lock, wait);
    }
  }

  bool quiet() override {
    std::lock_guard lock(mutex_);
    return SSL_pending(session_.get()) == 0 && BIO_ctrl_pending(in_) == 0 && socket_->quiet();
  }

 private:
  Failure failure() {
    long verdict = SSL_get_verify_result(session_.get());
    if (verdict == X509_V_OK) return {Failure::Cause::broken, last_reason("TLS failed")};
    ERR_clear_error();
    bool name = verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
    return {Failure::Cause::untrusted,
            std::string(name ? "the certificate is for another host: " : "the certificate is not trusted: ") +
                X509_verify_cert_error_string(verdict)};
  }

  // Sends what OpenSSL wants to be sent. Records must leave in the order in which they were made, so whoever
  // takes them holds `sending_` until they are on the wire; the session itself is free meanwhile.
  void flush(std::unique_lock<std::mutex>& lock, const Wait& wait) {
    if (BIO_ctrl_pending(out_) == 0) return;
    lock.unlock();
    {
      std::lock_guard order(sending_);
      socket_->write(take_records(), wait);
    }
    lock.lock();
  }

  std::string take_records() {
    std::lock_guard lock(mutex_);
    std::string records(BIO_ctrl_pending(out_), '\0');
    if (!records.empty()) BIO_read(out_, records.data(), static_cast<int>(records.size()));
    return records;
  }

  // False when the peer has ended its side.
  bool receive(const Wait& wait) {
    char bytes[16 * 1024];
    size_t count = socket_->read(bytes, wait);
    if (count == 0) return false;
    std::lock_guard lock(mutex_);
    BIO_write(in_, bytes, static_cast<int>(count));
    return true;
  }

  std::unique_ptr<Socket> socket_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::unique_ptr<SSL, FreeSession> session_;
  BIO* in_;   // owned by the session
  BIO* out_;  // owned by the session
  std::mutex mutex_;
  std::mutex sending_;
};

}  // namespace

std::unique_ptr<Channel> open_tls(std::unique_ptr<Socket> socket, const std::string& host,
                                  const std::string& ca_file, const Wait& wait) {
  auto tls = std::make_unique<Tls>(std::move(socket), host, ca_file);
  try {
    tls->handshake(wait);
  } catch (const Failure& failure) {
    if (failure.cause() != Failure::Cause::broken) throw;
    throw Failure(Failure::Cause::not_sent, failure.what());
  }
  return tls;
}

std::unique_ptr<Channel> open_channel(const Address& address, const std::string& ca_file, const Wait& wait) {
  auto socket = Socket::connect(address.host, address.port, wait);
  if (!address.secure) return socket;
  return open_tls(std::move(socket), address.host, ca_file, wait);
}

}  // namespace opensandbox::detail
