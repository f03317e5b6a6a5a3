#include "execd/code/code_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CodeSettings, AnImageDeclaresItselfAnInterpreter) {
  std::string file =
      std::filesystem::temp_directory_path() / ("osb-interpreter-" + std::to_string(::getpid()));
  EXPECT_THAT(warm_languages({}, file), IsEmpty());
  EXPECT_THAT(warm_languages({{"OPENSANDBOX_INTERPRETER", "0"}}, file), IsEmpty());
  EXPECT_THAT(warm_languages({{"OPENSANDBOX_INTERPRETER", "1"}}, file), ElementsAre("*"));
  EXPECT_THAT(warm_languages({{"OPENSANDBOX_INTERPRETER", "python go"}}, file), ElementsAre("python", "go"));
  std::ofstream(file) << "java\nbash\n";
  EXPECT_THAT(warm_languages({{"OPENSANDBOX_INTERPRETER", "0"}}, file), ElementsAre("java", "bash"));
  std::ofstream(file) << "";
  EXPECT_THAT(warm_languages({}, file), ElementsAre("*"));
  std::filesystem::remove(file);
}

TEST(CodeSettings, LimitsOfRuns) {
  RunLimits limits = default_run_limits({{"EXECD_CODE_TIMEOUT", "1m"}, {"EXECD_CODE_OUTPUT_LIMIT", "1000"}});
  EXPECT_EQ(limits.time, milliseconds(60'000));
  EXPECT_EQ(limits.output_bytes, 1000u);
  for (const char* bad : {"", "x", "-1s", "5"})
    EXPECT_EQ(default_run_limits({{"EXECD_CODE_TIMEOUT", bad}}).time.count(), 0) << bad;
  for (const char* bad : {"", "x", "-1", "5k"})
    EXPECT_EQ(default_run_limits({{"EXECD_CODE_OUTPUT_LIMIT", bad}}).output_bytes, 0u) << bad;
}

}  // namespace
}  // namespace osb::execd
