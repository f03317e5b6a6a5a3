// Java contexts through the routes, with real JVMs.
#include <csignal>

#include "execd/code/code_world_for_tests.h"
#include "execd/code/java_homes.h"

namespace osb::execd::test {
namespace {

class JavaCode : public Code {
 protected:
  JavaCode() { language_ = "java"; }
  void SetUp() override {
    Environment env{{"PATH", ::getenv("PATH")}};
    try {
      choose_java(find_java_homes(env), env);
    } catch (const Error& error) {
      GTEST_SKIP() << error.message();
    }
  }
};

TEST_F(JavaCode, RunsTheSampleOfTheDocuments) {
  std::string id = create();
  auto run = this->run(id,
                       "System.out.println(\"Calculating sum...\");\nint a = 10;\nint b = 20;\nint sum = a + "
                       "b;\nSystem.out.println(\"Sum: \" + sum);\nsum");
  EXPECT_EQ(run->text("stdout"), "Calculating sum...\nSum: 30\n");
  EXPECT_EQ(run->result(), "30");
  EXPECT_EQ(this->run(id, "sum * 2")->result(), "60");
}

TEST_F(JavaCode, AnExceptionIsAnEvalException) {
  auto run = this->run({}, "10 / 0");
  EXPECT_EQ(run->error("ename"), "EvalException");
  EXPECT_THAT(run->error("evalue"), HasSubstr("/ by zero"));
  EXPECT_EQ(this->run({}, "int broken = ;")->error("ename"), "CompilationException");
}

TEST_F(JavaCode, ContextsAreIsolatedAndTheNextOneWaits) {
  std::string one = create();
  EXPECT_EQ(run(one, "int x = 42; x")->result(), "42");
  std::string other = create();
  EXPECT_EQ(run(other, "x")->error("ename"), "CompilationException");
  EXPECT_EQ(run(one, "x")->result(), "42");
}

TEST_F(JavaCode, AnInterruptKeepsTheContext) {
  std::string id = create();
  run(id, "int kept = 7;");
  auto running = start_run(id, "System.out.println(\"on\"); while (true) {}");
  wait(running, [&] { return running->text("stdout") == "on\n"; });
  call("DELETE", "/code", "id=" + id);
  finish(running);
  EXPECT_EQ(running->error("ename"), "KeyboardInterrupt");
  EXPECT_EQ(run(id, "kept")->result(), "7");
}

TEST_F(JavaCode, AnEndOfTheProcessIsSaidAtOnce) {
  std::string id = create();
  EXPECT_EQ(run(id, "System.exit(3)")->error("ename"), "SystemExit");
  auto halted = run(id, "System.out.print(\"last\"); Runtime.getRuntime().halt(3)");
  EXPECT_EQ(halted->text("stdout"), "last");
  EXPECT_EQ(halted->error("ename"), "KernelDied");
  EXPECT_EQ(run(id, "1")->error("ename"), "KernelDied");
}

TEST_F(JavaCode, RunsInItsDirectoryWithTextsAsUtf8) {
  std::string directory = std::filesystem::temp_directory_path() / "osb-java-\u00e9";
  auto answer = call("POST", "/code/context", {}, context_body(directory));
  std::string id(answer->json().at("id").as_string());
  EXPECT_EQ(run(id, "Path.of(\"\").toAbsolutePath().toString()")->result(), directory);
  EXPECT_EQ(run(id, "new File(\"\u6f22\").createNewFile()")->result(), "true");
  EXPECT_TRUE(std::filesystem::exists(directory + "/\u6f22"));
  std::filesystem::remove_all(directory);
}

TEST_F(JavaCode, AnUnknownVersionIsSaidWithWhatIsThere) {
  open({{"JAVA_VERSION", "12"}});
  auto answer = call("POST", "/code/context", {}, R"({"language":"java"})");
  EXPECT_NE(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("JAVA_VERSION=12 is not in this image; it has "));
}

TEST_F(JavaCode, OptionsOfTheUserCount) {
  open({{"JAVA_TOOL_OPTIONS", "-XX:+UseParallelGC -Dof.user=yes"}});
  EXPECT_EQ(run({}, "System.getProperty(\"of.user\")")->result(), "yes");
}

}  // namespace
}  // namespace osb::execd::test
