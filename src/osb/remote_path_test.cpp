#include "osb/remote_path.h"

#include <gtest/gtest.h>

#include "osb/progress.h"
#include "osb/remote_run.h"

namespace osb::cli {
namespace {

TEST(RemotePath, IsTheOneWithAName) {
  EXPECT_EQ(remote_path("box:/tmp/a:b")->path, "/tmp/a:b");
  EXPECT_EQ(remote_path("box:/tmp")->sandbox, "box");
  EXPECT_EQ(remote_path("box:")->path, ".");
  for (const char* local : {"./a:b", "/tmp/a:b", "a", "../x:y", ":x", "-", ""})
    EXPECT_FALSE(remote_path(local)) << local;
}

TEST(RemotePath, NamesOfASandboxStayBelow) {
  EXPECT_EQ(below("/work", "/work/a/b"), "a/b");
  EXPECT_EQ(below("/", "/a"), "a");
  for (const char* bad : {"/work", "/work/", "/worker/a", "/etc/passwd", "/work/../etc/x", "/work/a/..",
                          "/work//etc", "work/a"})
    EXPECT_FALSE(below("/work", bad)) << bad;
}

TEST(RemotePath, BaseNames) {
  EXPECT_EQ(base_name("/a/b/"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("/"), "/");
}

TEST(ShellLine, KeepsWordsWhole) {
  EXPECT_EQ(shell_line({"echo", "a b", "it's", "", "$HOME", "x=1,/.-_"}),
            "echo 'a b' 'it'\\''s' '' '$HOME' x=1,/.-_");
}

TEST(ExitCode, IsTheCommandsOrTheSignals) {
  opensandbox::Execution execution;
  execution.exit_code = 7;
  EXPECT_EQ(exit_code_of(execution), 7);
  execution.exit_code = -1;
  execution.error = opensandbox::ExecutionError{"CommandExecError", "-1", {"signal: terminated"}};
  EXPECT_EQ(exit_code_of(execution), 128 + 15);
  EXPECT_EQ(signal_number("signal: killed"), 9);
  EXPECT_EQ(signal_number("exit status 1"), 0);
}

TEST(ProgressLine, FitsTheTerminal) {
  EXPECT_EQ(progress_line("a.bin", 512, 1024, 0, 80), "a.bin   50%  512 B of 1.0 KiB");
  EXPECT_EQ(progress_line("a.bin", 2048, 0, 1, 80), "a.bin  2.0 KiB  2.0 KiB/s");
  EXPECT_EQ(progress_line(std::string(100, 'x'), 1, 2, 0, 40).size(), 40u + 2);  // "…" has three bytes
}

}  // namespace
}  // namespace osb::cli
