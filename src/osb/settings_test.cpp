#include "osb/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "osb/config_file.h"
#include "osb/problem.h"

namespace osb::cli {
namespace {

using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    directory_ = testing::TempDir() + "/osb-settings-" + std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
    variables_["HOME"] = directory_;
    path_ = directory_ + "/.opensandbox/config.toml";
  }
  ~SettingsTest() override { std::filesystem::remove_all(directory_); }

  Settings load(const SettingFlags& flags = {}) {
    return load_settings(flags, [this](const char* name) {
      auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::string problem_of(const SettingFlags& flags = {}) {
    try {
      load(flags);
    } catch (const Problem& problem) {
      return problem.message;
    }
    return "none";
  }

  std::map<std::string, std::string> variables_;
  std::string directory_, path_;
};

TEST_F(SettingsTest, NothingIsNeeded) {
  Settings settings = load();
  EXPECT_EQ(settings.domain.value, "localhost:8080");
  EXPECT_EQ(settings.protocol.value, "http");
  EXPECT_EQ(settings.request_timeout.value, 30);
  EXPECT_FALSE(settings.file_present);
  EXPECT_EQ(settings.file, path_);
}

TEST_F(SettingsTest, FlagsOverEnvironmentOverFile) {
  write_config(path_, "[connection]\ndomain = \"file:1\"\napi_key = \"file\"\nrequest_timeout = 5\n");
  EXPECT_EQ(load().domain.value, "file:1");
  EXPECT_EQ(load().domain.source, Source::file);
  variables_["OPEN_SANDBOX_DOMAIN"] = "environment:2";
  EXPECT_EQ(load().domain.value, "environment:2");
  EXPECT_EQ(load({.domain = "flag:3"}).domain.value, "flag:3");
  EXPECT_EQ(load({.domain = "flag:3"}).domain.source, Source::flag);
  EXPECT_EQ(load({.domain = "flag:3"}).api_key.value, "file");
  EXPECT_EQ(load({.domain = "flag:3"}).request_timeout.value, 5);
}

TEST_F(SettingsTest, TheProxyCanBeSwitchedOffAgain) {
  for (const char* yes : {"1", "true", "YES", "on"}) {
    variables_["OPEN_SANDBOX_USE_SERVER_PROXY"] = yes;
    EXPECT_TRUE(load().use_server_proxy.value) << yes;
  }
  EXPECT_FALSE(load({.use_server_proxy = false}).use_server_proxy.value);
  variables_["OPEN_SANDBOX_USE_SERVER_PROXY"] = "0";
  EXPECT_FALSE(load().use_server_proxy.value);
}

TEST_F(SettingsTest, RefusalsNameThePlace) {
  write_config(path_, "[connection]\nrequest_timeout = \"soon\"\n");
  EXPECT_THAT(problem_of(), HasSubstr(path_ + " [connection] request_timeout: expected an integer"));
  write_config(path_, "[connection\n");
  EXPECT_THAT(problem_of(), HasSubstr(path_ + ":1"));
  write_config(path_, "[defaults]\ntimeout = \"soon\"\n");
  EXPECT_THAT(problem_of(), HasSubstr("[defaults] timeout"));
  write_config(path_, "");
  variables_["OPEN_SANDBOX_REQUEST_TIMEOUT"] = "0";
  EXPECT_THAT(problem_of(), HasSubstr("OPEN_SANDBOX_REQUEST_TIMEOUT"));
  EXPECT_THAT(problem_of({.protocol = "ftp"}), HasSubstr("OPEN_SANDBOX_REQUEST_TIMEOUT"));
  variables_.erase("OPEN_SANDBOX_REQUEST_TIMEOUT");
  EXPECT_THAT(problem_of({.protocol = "ftp"}), HasSubstr("--protocol: expected http or https"));
}

TEST_F(SettingsTest, AFileThatIsNamedMustBeThere) {
  EXPECT_THAT(problem_of({.config = directory_ + "/none.toml"}), HasSubstr("there is no such file"));
}

TEST_F(SettingsTest, ChangesKeepCommentsAndTheRest) {
  std::string text =
      "# mine\n[connection] # where\n  domain = \"a:1\"   # old \"#1\"\nother = 1\n\n[mine]\ndomain = "
      "\"no\"\n";
  text = with_setting(text, "connection.domain", toml_value("connection.domain", "b:2 \"#\""));
  EXPECT_EQ(text,
            "# mine\n[connection] # where\n  domain = \"b:2 \\\"#\\\"\"  # old \"#1\"\nother = "
            "1\n\n[mine]\ndomain = "
            "\"no\"\n");
  text = with_setting(text, "connection.request_timeout", toml_value("connection.request_timeout", "9"));
  text = with_setting(text, "output.color", toml_value("output.color", "off"));
  write_config(path_, text);
  Settings settings = load();
  EXPECT_EQ(settings.domain.value, "b:2 \"#\"");
  EXPECT_EQ(settings.request_timeout.value, 9);
  EXPECT_FALSE(settings.color.value);
  EXPECT_THAT(text, HasSubstr("domain = \"no\""));
}

TEST_F(SettingsTest, EveryTemplateLineMeansItsDefault) {
  std::string text(config_template());
  for (size_t at = 0; (at = text.find("\n# ", at)) != std::string::npos;) text.erase(at + 1, 2);
  write_config(path_, text);
  Settings settings = load(), none = Settings();
  EXPECT_EQ(settings.domain.value, none.domain.value);
  EXPECT_EQ(settings.timeout.value, none.timeout.value);
  EXPECT_EQ(settings.image.value, "host");
}

TEST_F(SettingsTest, AFileWithAKeyIsPrivate) {
  write_config(path_, "x = 1\n");
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SettingsTest, UnknownSettingsAndBadValuesAreRefused) {
  EXPECT_THROW(toml_value("connection.host", "x"), UsageProblem);
  EXPECT_THROW(toml_value("connection.protocol", "ftp"), UsageProblem);
  EXPECT_THROW(toml_value("connection.request_timeout", "1s"), UsageProblem);
  EXPECT_THROW(toml_value("output.color", "maybe"), UsageProblem);
  EXPECT_THROW(toml_value("defaults.timeout", "soon"), UsageProblem);
}

}  // namespace
}  // namespace osb::cli
