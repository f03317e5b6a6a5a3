#include "execd/code/java_homes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;

class JavaHomesTest : public ::testing::Test {
 protected:
  JavaHomesTest() {
    root_ = fs::temp_directory_path() / ("osb-java-homes-" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    root_ = fs::canonical(root_);
  }
  ~JavaHomesTest() override { fs::remove_all(root_); }

  std::string install(const std::string& where, const std::string& version,
                      const std::string& modules = "java.base jdk.jshell") {
    fs::create_directories(root_ / where / "bin");
    std::ofstream(root_ / where / "bin/java") << "#!";
    std::ofstream(root_ / where / "release") << "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" << version << "\"\n"
                                             << (modules.empty() ? "" : "MODULES=\"" + modules + "\"\n");
    return root_ / where;
  }
  std::string chosen(const Environment& env) {
    try {
      return choose_java(find_java_homes(env, root_), env).version;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      return error.message();
    }
  }

  fs::path root_;
};

TEST_F(JavaHomesTest, ANamedVersionIsFoundWhereverItIs) {
  install("usr/lib/jvm/java-17-openjdk", "17.0.15");
  install("usr/lib/jvm/temurin-21", "21.0.2");
  install("usr/lib/jvm/temurin-21-new", "21.0.11");
  install("opt/opensandbox/java/25", "25.0.1");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "17"}}), "17.0.15");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "21"}}), "21.0.11");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "21.0.2"}}), "21.0.2");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "jdk-17.0.15+6"}}), "17.0.15");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "25"}}), "25.0.1");
  EXPECT_EQ(chosen({}), "25.0.1");
}

TEST_F(JavaHomesTest, WithoutAVersionTheEnvironmentDecides) {
  std::string old = install("usr/lib/jvm/17", "17.0.15");
  std::string other = install("elsewhere/21", "21.0.2");
  install("usr/lib/jvm/25", "25.0.1");
  fs::create_directories(root_ / "bin");
  fs::create_symlink(old + "/bin/java", root_ / "bin/java");
  std::string path = "/nonexistent::" + (root_ / "bin").string();
  EXPECT_EQ(chosen({{"PATH", path}}), "17.0.15");
  EXPECT_EQ(chosen({{"PATH", path}, {"JAVA_HOME", other}}), "21.0.2");
  EXPECT_EQ(chosen({{"PATH", path}, {"JAVA_HOME", other}, {"JAVA_VERSION", "25"}}), "25.0.1");
  EXPECT_EQ(chosen({{"JAVA_HOME", "/nonexistent"}}), "25.0.1");
}

TEST_F(JavaHomesTest, WhatIsMissingIsSaid) {
  EXPECT_NE(chosen({}).find("language java is not available in this image"), std::string::npos);
  install("usr/lib/jvm/8", "1.8.0_392", "");
  install("usr/lib/jvm/17-jre", "17.0.1", "java.base java.desktop");
  EXPECT_NE(chosen({}).find("no JDK 11 or later"), std::string::npos);
  install("usr/lib/jvm/25", "25.0.1");
  install("usr/lib/jvm/17", "17.0.15");
  install("usr/lib/jvm/17b", "17.0.15", "");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "19"}}), "JAVA_VERSION=19 is not in this image; it has 17.0.15, 25.0.1");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "8"}}), "JAVA_VERSION=8 is not in this image; it has 17.0.15, 25.0.1");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "1"}}), "JAVA_VERSION=1 is not in this image; it has 17.0.15, 25.0.1");
}

TEST_F(JavaHomesTest, TheHostHasWhatItHas) {
  install("usr/lib/jvm/17", "17.0.15");
  EXPECT_EQ(chosen({{"JAVA_VERSION", "21"}, {"OPENSANDBOX_IMAGE_KIND", "host"}}), "17.0.15");
}

}  // namespace
}  // namespace osb::execd
