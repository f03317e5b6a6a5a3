#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "server/auth.h"
#include "server/endpoints.h"

namespace osb::server {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/osb-config-XXXXXX";
    home_ = ::mkdtemp(name);
    environment_["HOME"] = home_;
    sources_.environment = [this](const char* name) {
      auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
  }
  ~ConfigTest() override { std::filesystem::remove_all(home_); }

  std::string file(const std::string& text, const std::string& name = ".sandbox.toml") {
    std::string path = home_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // Message of the error that a home file with this text gives.
  std::string error(const std::string& text) {
    file(text);
    try {
      load_config(sources_);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::invalid);
      return e.message();
    }
    return "none";
  }

  std::string home_;
  std::map<std::string, std::string> environment_;
  ConfigSources sources_;
};

TEST_F(ConfigTest, NeedsNothing) {
  ServerConfig config = load_config(sources_);
  EXPECT_EQ(config.listen_host, "127.0.0.1");
  EXPECT_EQ(config.listen_port, 8080);
  EXPECT_EQ(config.api_key, "");
  EXPECT_GE(config.keep_alive, std::chrono::seconds(75));
  EXPECT_EQ(config.limit_concurrency, 1024u);
  EXPECT_EQ(config.config_file, "");
}

TEST_F(ConfigTest, ReadsTheFile) {
  file(R"(
    [server]
    host = "0.0.0.0"
    port = 9000
    api_key = " secret "
    eip = "box.example"
    max_sandbox_timeout_seconds = 86400
    limit_concurrency = 0
    timeout_keep_alive = 120
    loop = "uvloop"
    [log]
    level = "WARNING"
    file_enabled = true
    [runtime]
    type = "native"
    execd_image = "x"
    [pause]
    old = 1
    [native]
    images_dir = "/images"
    max_memory = "8Gi"
    max_image_bytes = "2Gi"
    prepared_sandboxes = 7
    strip_line_terminators = true
    access_token = false
    [native.aliases]
    "my/image:1" = "host"
  )");
  ServerConfig config = load_config(sources_);
  EXPECT_EQ(config.listen_host, "0.0.0.0");
  EXPECT_EQ(config.listen_port, 9000);
  EXPECT_EQ(config.api_key, "secret");
  EXPECT_EQ(config.eip, "box.example");
  EXPECT_EQ(config.max_sandbox_timeout_seconds, 86400);
  EXPECT_EQ(config.limit_concurrency, 0u);
  EXPECT_EQ(config.max_image_bytes, int64_t{2} << 30);
  EXPECT_EQ(config.keep_alive, std::chrono::seconds(120));
  EXPECT_EQ(config.log_level, LogLevel::warn);
  EXPECT_EQ(config.images_dir, "/images");
  EXPECT_EQ(config.max_memory_bytes, int64_t{8} << 30);
  EXPECT_EQ(config.prepared_sandboxes, 7u);
  EXPECT_TRUE(config.strip_line_terminators);
  EXPECT_FALSE(config.access_token);
  EXPECT_EQ(config.aliases.at("my/image:1"), "host");
}

TEST_F(ConfigTest, FlagsAndEnvironmentBeatTheFile) {
  file("[server]\nhost = \"0.0.0.0\"\nport = 9000\napi_key = \"of the file\"\n");
  environment_["OPENSANDBOX_SERVER_API_KEY"] = "of the environment";
  parse_listen("127.0.0.2:7000", sources_);
  ServerConfig config = load_config(sources_);
  EXPECT_EQ(config.listen_host, "127.0.0.2");
  EXPECT_EQ(config.listen_port, 7000);
  EXPECT_EQ(config.api_key, "of the environment");
  environment_["OPENSANDBOX_SERVER_API_KEY"] = "";
  EXPECT_EQ(load_config(sources_).api_key, "");
}

TEST_F(ConfigTest, FindsTheFile) {
  file("[server]\nport = 1000\n");
  std::string second = file("[server]\nport = 2000\n", "second.toml");
  file("[server]\nport = 3000\n", "third.toml");
  EXPECT_EQ(load_config(sources_).listen_port, 1000);
  environment_["SANDBOX_CONFIG_PATH"] = second;
  EXPECT_EQ(load_config(sources_).listen_port, 2000);
  sources_.config_file = "~/third.toml";
  EXPECT_EQ(load_config(sources_).listen_port, 3000);
  sources_.config_file = home_ + "/none.toml";
  EXPECT_THROW(load_config(sources_), Error);
}

TEST_F(ConfigTest, NamesWhatIsWrong) {
  EXPECT_THAT(error("[server]\nport = \"x\"\n"), HasSubstr("[server] port"));
  EXPECT_THAT(error("[server]\nport = 70000\n"), HasSubstr("[server] port"));
  EXPECT_THAT(error("[server]\nmax_sandbox_timeout_seconds = 1\n"), HasSubstr("max_sandbox_timeout_seconds"));
  EXPECT_THAT(error("[log]\nlevel = \"loud\"\n"), HasSubstr("[log] level"));
  EXPECT_THAT(error("[native]\nmax_memory = \"lots\"\n"), HasSubstr("[native] max_memory"));
  EXPECT_THAT(error("[native]\nprepared_sandboxes = -1\n"), HasSubstr("prepared_sandboxes"));
  EXPECT_THAT(error("server = 1\n"), HasSubstr("[server]"));
  EXPECT_THAT(error("[server\n"), HasSubstr("line 1"));
  EXPECT_THAT(error("[server]\nhost = \"example.com\"\n"), HasSubstr("numeric address"));
}

TEST_F(ConfigTest, RefusesWhatWouldBeUnsafeToPassOver) {
  EXPECT_THAT(error("[runtime]\ntype = \"docker\"\n"),
              testing::AllOf(HasSubstr("docker"), HasSubstr("native")));
  EXPECT_THAT(error("[runtime]\ntype = \"kubernetes\"\n"), HasSubstr("not built yet"));
  EXPECT_THAT(error("[runtime]\ntype = \"other\"\n"), HasSubstr("unknown runtime"));
  EXPECT_THAT(error("[secure_runtime]\ntype = \"gvisor\"\n"), HasSubstr("[secure_runtime]"));
  EXPECT_EQ(error("[secure_runtime]\ntype = \"\"\n"), "none");
  EXPECT_THAT(error("[ingress]\nmode = \"gateway\"\n"), HasSubstr("[ingress]"));
  EXPECT_THAT(error("[tenants]\nprovider = \"file\"\n"), HasSubstr("[tenants]"));
}

TEST_F(ConfigTest, ListenAddresses) {
  struct Case {
    const char* text;
    std::optional<std::string> host;
    std::optional<uint16_t> port;
  };
  for (const auto& [text, host, port] : std::initializer_list<Case>{{"127.0.0.1:80", "127.0.0.1", 80},
                                                                    {"0.0.0.0", "0.0.0.0", {}},
                                                                    {":90", {}, 90},
                                                                    {"[::1]:70", "::1", 70},
                                                                    {"[::]", "::", {}},
                                                                    {"::1", "::1", {}},
                                                                    {"localhost:0", "localhost", 0}}) {
    ConfigSources sources;
    parse_listen(text, sources);
    EXPECT_EQ(sources.listen_host, host) << text;
    EXPECT_EQ(sources.listen_port, port) << text;
  }
  for (const char* bad : {"127.0.0.1:x", "127.0.0.1:99999", "[::1", "[::1]80", "a:"}) {
    ConfigSources sources;
    EXPECT_THROW(parse_listen(bad, sources), Error) << bad;
  }
}

TEST_F(ConfigTest, ExposureNeedsAKey) {
  ServerConfig config;
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"}) {
    config.listen_host = host;
    EXPECT_NO_THROW(check_exposure(config)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0"}) {
    config = ServerConfig();
    config.listen_host = host;
    EXPECT_THROW(check_exposure(config), Error) << host;
    config.api_key = "k";
    EXPECT_NO_THROW(check_exposure(config));
    config.api_key = "";
    config.insecure_acknowledged = true;
    EXPECT_NO_THROW(check_exposure(config));
  }
  sources_.listen_host = "0.0.0.0";
  environment_["OPENSANDBOX_INSECURE_SERVER"] = "yes";
  EXPECT_THROW(check_exposure(load_config(sources_)), Error);  // exactly YES
  environment_["OPENSANDBOX_INSECURE_SERVER"] = "YES";
  EXPECT_NO_THROW(check_exposure(load_config(sources_)));
}

TEST(ProxyPath, IsOpenOnlyInItsExactForm) {
  for (const char* open :
       {"/sandboxes/x/proxy/80", "/v1/sandboxes/x/proxy/80/", "/sandboxes/a-b/proxy/1/x/y"})
    EXPECT_TRUE(is_proxy_path(open)) << open;
  for (const char* closed :
       {"/sandboxes/x/proxy/", "/sandboxes/x/proxy/80x", "/sandboxes//proxy/80", "/sandboxes/x/y/proxy/80",
        "/v2/sandboxes/x/proxy/80", "/v1/v1/sandboxes/x/proxy/80", "/sandboxes/x/proxy/80/../..",
        "/x/sandboxes/x/proxy/80", "/sandboxes/x/prox/80", "/sandboxes/x", "", "/"})
    EXPECT_FALSE(is_proxy_path(closed)) << closed;
}

TEST(Endpoints, Parts) {
  EXPECT_EQ(host_and_port("10.0.0.2", 80), "10.0.0.2:80");
  EXPECT_EQ(host_and_port("fd00::2", 80), "[fd00::2]:80");
  EXPECT_EQ(mount_prefix("/v1/sandboxes/x"), "/v1");
  EXPECT_EQ(mount_prefix("/sandboxes/x"), "");
}

}  // namespace
}  // namespace osb::server
