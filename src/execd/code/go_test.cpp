// Go contexts through the routes, with the real worker; and which toolchain of an image is chosen.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "execd/code/code_world_for_tests.h"
#include "execd/code/go_language.h"
#include "execd/code/go_toolchain.h"

namespace osb::execd {
namespace {

using namespace test;
namespace fs = std::filesystem;

#ifdef OSB_TEST_KERNELS

class Go : public Code {
 protected:
  Go() {
    language_ = "go";
    reopen({});
  }
  void reopen(std::map<std::string, std::string> more) {
    close();
    more.emplace("OPENSANDBOX_KERNELS", OSB_TEST_KERNELS);
    open(std::move(more));
  }
};

TEST_F(Go, StateResultsAndOutput) {
  std::string id = create();
  EXPECT_EQ(run(id, "import \"fmt\"\nx := 20\nfunc twice(n int) int { return 2 * n }")->result(), "<none>");
  auto answer = run(id, "%%\nfmt.Println(\"printed\")\ntwice(x) + 1");
  EXPECT_EQ(answer->text("stdout"), "printed\n");
  EXPECT_EQ(answer->result(), "41");
  EXPECT_EQ(run(id, "func twice(n int) string { return fmt.Sprint(n, n) }\ntwice(x)")->result(), "20 20");
  EXPECT_EQ(run({}, "x")->error("evalue"), "cell 1:1:1: undefined: x");  // another context
}

TEST_F(Go, ErrorsKeepTheContext) {
  std::string id = create();
  run(id, "kept := 7");
  auto failed = run(id, "kept = 8\nmissing()");
  EXPECT_EQ(failed->error("ename"), "CompileError");
  EXPECT_EQ(failed->error("evalue"), "cell 2:2:1: undefined: missing");
  auto panicked = run(id, "a := []int{1}\na[kept]");
  EXPECT_EQ(panicked->error("ename"), "panic");
  EXPECT_THAT(panicked->error("evalue"), HasSubstr("index out of range"));
  EXPECT_EQ(run(id, "os.Exit(3)")->error("evalue"), "exit status 3");
  EXPECT_EQ(run(id, "kept")->result(), "7");
}

TEST_F(Go, AnInterruptKeepsTheContext) {
  std::string id = create();
  auto client = start_run(id, "kept := 7\nfmt.Println(\"begun\")\nfor {}");
  wait(client, [&] { return client->body.find("begun") != std::string::npos; });
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
  finish(client);
  EXPECT_EQ(client->error("ename"), "Interrupted");
  EXPECT_EQ(run(id, "kept")->result(), "7");
}

TEST_F(Go, APanicOutsideOfTheRunIsADeathAtOnce) {
  auto died = run(create(), "go func() { panic(\"alone\") }()\nselect {}");
  EXPECT_EQ(died->error("ename"), "KernelDied");
  EXPECT_THAT(died->text("stderr"), HasSubstr("panic: alone"));
}

TEST_F(Go, CompletePrograms) {
  // The build cache of this machine: an empty one takes long to fill.
  const char* home = ::getenv("HOME");
  reopen({{"GOCACHE", std::string(home ? home : "/tmp") + "/.cache/go-build"}});
  std::string id = create();
  auto answer = run(id, "package main\nfunc main() { println(\"whole\") }");
  EXPECT_EQ(answer->text("stderr"), "whole\n");
  answer = run(id, "package main\nfunc main() { undefinedName() }");
  EXPECT_EQ(answer->error("ename"), "CompileError");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("undefined: undefinedName"));
}

TEST_F(Go, AMissingWorkerIsSaid) {
  reopen({{"OPENSANDBOX_KERNELS", "/nowhere"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"go"})");
  EXPECT_NE(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("/nowhere/go-kernel"));
}

TEST_F(Go, AnUnknownVersionIsSaid) {
  reopen({{"GO_VERSION", "9.99"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"go"})");
  EXPECT_NE(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("GO_VERSION=9.99 is not in this image; it has "));
  reopen({{"GO_VERSION", "9.99"}, {"OPENSANDBOX_IMAGE_KIND", "host"}});
  EXPECT_EQ(run({}, "1 + 1")->result(), "2");
}

#endif

class GoToolchains : public ::testing::Test {
 protected:
  GoToolchains() {
    char path[] = "/tmp/osb-go-XXXXXX";
    root_ = ::mkdtemp(path);
    env_ = {{"PATH", root_ + "/path/bin"}, {"HOME", root_}};
  }
  ~GoToolchains() override { fs::remove_all(root_); }

  void add(const std::string& place, const std::string& version, mode_t mode = 0755) {
    fs::create_directories(root_ + "/" + place + "/bin");
    std::ofstream(root_ + "/" + place + "/VERSION") << "go" << version << "\ntime 2025-01-01T00:00:00Z\n";
    std::string program = root_ + "/" + place + "/bin/go";
    std::ofstream(program) << "#!/bin/sh\n";
    ::chmod(program.c_str(), mode);
  }
  // Those of this test: the machine may have others.
  std::vector<GoToolchain> installed() {
    std::vector<GoToolchain> list = installed_go(env_);
    std::erase_if(list, [&](const auto& go) { return !go.program.starts_with(root_); });
    return list;
  }
  std::string chosen(const std::string& wanted) {
    if (!wanted.empty()) env_["GO_VERSION"] = wanted;
    auto go = chosen_go(env_, installed());
    return go ? go->version : "none";
  }

  std::string root_;
  Environment env_;
};

TEST_F(GoToolchains, AreFoundInTheUsualPlacesThePathFirst) {
  add("path", "1.22.1");
  add("sdk/go1.9", "1.9");
  add("sdk/go1.24.3", "1.24.3");
  add("go/pkg/mod/golang.org/toolchain@v0.0.1-go1.25.0.linux-amd64", "1.25.0");
  add("go/pkg/mod/golang.org/toolchain@v0.0.1-go1.26.0.linux-amd64", "1.26.0", 0444);  // cannot be run
  std::vector<std::string> versions;
  for (const GoToolchain& go : installed()) versions.push_back(go.version);
  EXPECT_THAT(versions, ElementsAre("1.22.1", "1.25.0", "1.24.3", "1.9"));
  EXPECT_EQ(chosen(""), "1.22.1");
}

TEST_F(GoToolchains, AVersionMeansItsNewestRelease) {
  add("path", "1.22.1");
  add("sdk/a", "1.24.3");
  add("sdk/go1", "1.24.9");
  add("sdk/go2", "1.24.11");
  EXPECT_EQ(chosen("1.24"), "1.24.11");
  EXPECT_EQ(chosen("go1.24.9"), "1.24.9");
  EXPECT_EQ(chosen("1"), "1.24.11");
  try {
    chosen("1.2");
    ADD_FAILURE() << "1.2 is not 1.22";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_EQ(error.message(), "GO_VERSION=1.2 is not in this image; it has 1.22.1, 1.24.11, 1.24.9");
  }
  env_["OPENSANDBOX_IMAGE_KIND"] = "host";
  EXPECT_EQ(chosen("1.2"), "1.22.1");
}

TEST_F(GoToolchains, AnImageMayHaveNone) {
  EXPECT_EQ(chosen(""), "none");
  EXPECT_THROW(chosen("1.24"), Error);
}

}  // namespace
}  // namespace osb::execd
