// Over https and wss, with certificates that tests/e2e/test_cpp_sdk_tls.py makes: OSB_TLS_DOMAIN is where it
// listens, OSB_TLS_CA the file of the authority that vouches for it. It picks single tests and says with
// which server and environment each runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opensandbox/opensandbox.h>
#include <stdlib.h>

namespace opensandbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

class Tls : public testing::Test {
 protected:
  Tls() {
    config_.domain = environment("OSB_TLS_DOMAIN");
    config_.ca_file = environment("OSB_TLS_CA");
    config_.use_server_proxy = true;  // so that everything goes by the one TLS address
    config_.retries.on_retry = [this](const RetryNotice&) { ++retries_; };
  }
  void TearDown() override {
    if (sandbox_) sandbox_->kill();
  }
  Sandbox& sandbox() {
    if (!sandbox_) sandbox_.emplace(Sandbox::create({.image = "host"}, config_));
    return *sandbox_;
  }
  Error refused() {
    auto result = attempt([&] { return Manager(config_).list(); });
    return result.ok() ? Error(ErrorCode::internal, "the server was trusted") : result.error();
  }

  ConnectionConfig config_;
  int retries_ = 0;

 private:
  std::optional<Sandbox> sandbox_;
};

TEST_F(Tls, is_trusted) {
  EXPECT_EQ(sandbox().commands().run("echo hello").text(), "hello");
  EXPECT_TRUE(Manager(config_).healthy());
}

TEST_F(Tls, is_not_trusted) {
  Error error = refused();
  EXPECT_EQ(error.code(), ErrorCode::untrusted);
  EXPECT_THAT(error.message(), HasSubstr(config_.domain));
  EXPECT_THAT(error.message(), HasSubstr("the certificate is not trusted: "));
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(retries_, 0);
}

TEST_F(Tls, is_another_host) {
  Error error = refused();
  EXPECT_EQ(error.code(), ErrorCode::untrusted);
  EXPECT_THAT(error.message(), HasSubstr("the certificate is for another host: "));
  EXPECT_EQ(retries_, 0);
}

TEST_F(Tls, with_a_file_of_authorities_that_is_none) {
  config_.ca_file = "/no/such/file";
  Error error = refused();
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.message(), HasSubstr("/no/such/file"));
}

// The program waits for a file that is only written when its first line has been heard.
TEST_F(Tls, streams_while_the_program_runs) {
  Handlers handlers;
  std::string heard;
  handlers.on_stdout = [&](const Output& output) {
    if (heard.empty()) sandbox().files().write("/tmp/heard", "x");
    heard += output.text;
  };
  auto run = sandbox().commands().run("echo one; until [ -e /tmp/heard ]; do sleep 0.02; done; echo two",
                                      {.timeout = 30s}, handlers);
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(heard, "one\ntwo\n");
}

TEST_F(Tls, carries_large_files_both_ways) {
  std::string data(5'000'000, '\0');
  for (size_t i = 0; i < data.size(); i++) data[i] = static_cast<char>(i * 7919 >> 8);
  sandbox().files().write("/tmp/large", data);
  EXPECT_TRUE(sandbox().files().read("/tmp/large") == data);
}

TEST_F(Tls, carries_terminals) {
  auto terminal = sandbox().terminals().open("head -n 1 | tr a-z A-Z; exit 3", {}, {.terminal = false});
  terminal.write("typed over wss\n");
  std::string printed;
  while (auto output = terminal.read(20s)) printed += output->data;
  EXPECT_EQ(printed, "TYPED OVER WSS\n");
  EXPECT_EQ(terminal.exit_code(), 3);
}

// The body ends with the connection, and the peer says so.
TEST_F(Tls, ends_a_body_with_the_connection) {
  EXPECT_EQ(Manager(config_).call("GET", "/anything"), "{\"whole\": false}");
}

// The same, but nobody says so: whoever can cut the line could have cut the answer short.
TEST_F(Tls, takes_no_cut_connection_for_an_end) {
  config_.retries.max_retries = 0;
  auto result = attempt([&] { return Manager(config_).call("GET", "/anything"); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::unreachable);
}

}  // namespace
}  // namespace opensandbox
