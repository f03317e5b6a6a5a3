// Why the network failed. Thrown inside the library; Client turns it into an Error that names the address.
#pragma once

#include <exception>
#include <string>

namespace opensandbox::detail {

class Failure : public std::exception {
 public:
  enum class Cause {
    not_sent,   // no connection: the peer has seen nothing of the request
    untrusted,  // the same, because of the peer's certificate: another attempt would end as this one
    timeout,    // the time was over
    broken,     // the connection ended too early, or what came is not HTTP
    cancelled,  // the caller was asked to stop
  };

  Failure(Cause cause, std::string what) : cause_(cause), what_(std::move(what)) {}
  Cause cause() const { return cause_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  Cause cause_;
  std::string what_;
};

}  // namespace opensandbox::detail
