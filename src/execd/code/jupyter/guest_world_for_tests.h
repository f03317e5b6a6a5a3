// Guests as clients meet them: kernelspecs in a directory of the test, contexts through the routes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/json.h"
#include "execd/code/code_world_for_tests.h"

namespace osb::execd::test {

class GuestWorld : public Code {
 protected:
  GuestWorld()
      : root_(std::filesystem::temp_directory_path() / ("osb-guests-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ / "kernels");
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~GuestWorld() override {
    close();
    std::error_code busy;  // a kernel that was just killed may still be about to write there
    for (int i = 0; i < 100 && std::filesystem::exists(root_); ++i) {
      std::filesystem::remove_all(root_, busy);
      if (busy) pass(milliseconds(20));
    }
  }

  void reopen(std::map<std::string, std::string> more = {}) {
    close();
    more["JUPYTER_PATH"] = root_;
    more["HOME"] = root_;  // kernels write histories
    open(std::move(more));
  }
  // `more`: members of kernel.json besides.
  void install(const std::string& name, const std::string& language, const std::vector<std::string>& argv,
               const json::Object& more = {}) {
    json::Object spec = more;
    spec["argv"] = json::write(argv);
    spec["display_name"] = name;
    spec["language"] = language;
    std::filesystem::create_directories(root_ / "kernels" / name);
    std::ofstream(root_ / "kernels" / name / "kernel.json") << json::serialize(spec);
  }
  // The directory of that connection file is gone.
  static bool removed(const std::string& file) {
    EXPECT_THAT(file, ::testing::EndsWith("/kernel.json"));
    return !std::filesystem::exists(std::filesystem::path(file).parent_path());
  }

  std::filesystem::path root_;
};

}  // namespace osb::execd::test
