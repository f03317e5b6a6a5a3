// A response that stays here, for tests of what writes one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/server.h"

namespace osb::execd {

class AnswerForTests : public http::ResponseWriter {
 public:
  net::task<> send(http::Response) override { co_return; }
  void start(int, http::Headers) override { started_ = true; }
  net::task<> write(std::string_view bytes) override {
    text += bytes;
    ++pieces;
    co_return;
  }
  net::task<> flush_head() override { co_return; }
  net::task<> write_file(net::FileRegion, net::Offload) override { co_return; }
  net::task<> finish(std::string_view last) override { return write(last); }
  bool started() const override { return started_; }
  void add_header(std::string, std::string) override {}
  std::unique_ptr<net::Stream> upgrade(std::string&) override { return nullptr; }
  net::Stream& stream() override { throw Error(ErrorCode::internal, "not used"); }

  std::string text;
  int pieces = 0;

 private:
  bool started_ = false;
};

}  // namespace osb::execd
