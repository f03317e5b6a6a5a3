#include "execd/code/python_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace osb::execd {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Not;

class PythonVersions : public ::testing::Test {
 protected:
  ~PythonVersions() override { fs::remove_all(home_); }
  std::string program(const std::string& path) {
    fs::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << "#!/bin/sh\n";
    fs::permissions(home_ / path, fs::perms(0755));
    return (home_ / path).string();
  }
  std::vector<std::string> env(const std::string& wanted = {}) const {
    std::vector<std::string> out{"PATH=" + (home_ / "bin").string(), "HOME=" + home_.string()};
    if (!wanted.empty()) out.push_back("PYTHON_VERSION=" + wanted);
    return out;
  }

  fs::path home_ = fs::temp_directory_path() / ("osb-pythons-" + std::to_string(::getpid()));
};

TEST_F(PythonVersions, AreFoundInThePathAndInVersionManagers) {
  std::string eight = program("bin/python3.8"), nine = program(".pyenv/versions/3.9.18/bin/python3");
  program("bin/python3-config");
  program("bin/pythonx.y");
  std::ofstream(home_ / "bin/python3.7") << "not a program";
  std::vector<std::string> versions;
  for (const InstalledPython& python : installed_pythons(env())) versions.push_back(python.version);
  EXPECT_THAT(versions, Contains("3.8"));
  EXPECT_THAT(versions, Contains("3.9.18"));
  EXPECT_THAT(versions, Not(Contains("3.7")));
  EXPECT_EQ(python_candidates(env("3.9")).front(), nine);
  EXPECT_EQ(python_candidates(env("3.9.2")).front(), nine);
  EXPECT_EQ(python_candidates(env("3.8.1")).front(), eight);
  EXPECT_EQ(python_candidates(env()).front(), "python3");
  EXPECT_EQ(python_candidates(env("../x")).front(), "python3");
}

TEST_F(PythonVersions, TheNewestOfSeveralIsTried) {
  program(".pyenv/versions/3.9.2/bin/python3");
  std::string newest = program(".pyenv/versions/3.9.18/bin/python3");
  std::string exact = program(".pyenv/versions/3.9.7/bin/python3");
  EXPECT_EQ(python_candidates(env("3.9")).front(), newest);
  EXPECT_EQ(python_candidates(env("3.9.7")).front(), exact);
}

TEST(PythonVersion, IsComparedByItsNumbers) {
  for (const char* wanted : {"", "3", "3.11", "3.11.7", "3.11.2"})
    EXPECT_TRUE(is_wanted("3.11.7", wanted)) << wanted;
  for (const char* wanted : {"2", "3.1", "3.12", "x", "3.", ".", "../x", "3.11.x"})
    EXPECT_FALSE(is_wanted("3.11.7", wanted)) << wanted;
  EXPECT_TRUE(is_wanted("3.14.0rc1", ""));
  EXPECT_TRUE(is_wanted("3.14.0rc1", "3.14"));
}

}  // namespace
}  // namespace osb::execd
