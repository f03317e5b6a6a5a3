// A sandbox for a test, on the server that OPEN_SANDBOX_DOMAIN names.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opensandbox/opensandbox.h>

#include <chrono>

namespace opensandbox {

using namespace std::chrono_literals;

class World : public testing::Test {
 protected:
  void TearDown() override {
    if (sandbox_) attempt([&] { sandbox_->kill(); }).ok();
  }
  Sandbox& sandbox() {
    if (!sandbox_) sandbox_.emplace(Sandbox::create({.image = "host"}));
    return *sandbox_;
  }

 private:
  std::optional<Sandbox> sandbox_;
};

// The code of the Error that `work` throws; `internal` if it throws none.
template <class Work>
ErrorCode code_of(Work&& work) {
  auto result = attempt(work);
  return result.ok() ? ErrorCode::internal : result.error().code();
}

}  // namespace opensandbox
