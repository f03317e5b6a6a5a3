#include "execd/code/jupyter/kernelspecs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
namespace fs = std::filesystem;

class Kernelspecs : public ::testing::Test {
 protected:
  Kernelspecs() : root_(fs::temp_directory_path() / ("osb-specs-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    env_ = {{"JUPYTER_PATH", root_ / "jp"}, {"HOME", root_ / "home"}, {"PATH", root_ / "venv/bin"}};
  }
  ~Kernelspecs() override { fs::remove_all(root_); }

  void put(const std::string& kernels, const std::string& name, const std::string& text) {
    fs::create_directories(root_ / kernels / name);
    std::ofstream(root_ / kernels / name / "kernel.json") << text;
  }
  // Of the test's own directories: this machine may have kernels as well.
  std::vector<Kernelspec> found() {
    std::vector<Kernelspec> specs = find_kernelspecs(env_);
    std::erase_if(specs, [&](const Kernelspec& spec) { return !spec.directory.starts_with(root_.string()); });
    return specs;
  }

  fs::path root_;
  Environment env_;
};

TEST_F(Kernelspecs, ReadsAKernelspec) {
  put("jp/kernels", "IR", R"({"argv":["R","--slave","{connection_file}"],"display_name":"R","language":"R",
      "env":{"A":"b"},"interrupt_mode":"message","metadata":{"debugger":false}})");
  auto specs = found();
  ASSERT_EQ(specs.size(), 1u);
  EXPECT_EQ(specs[0].name, "ir");
  EXPECT_EQ(specs[0].language, "r");
  EXPECT_EQ(specs[0].display_name, "R");
  EXPECT_EQ(specs[0].directory, (root_ / "jp/kernels/IR").string());
  EXPECT_THAT(specs[0].argv, ElementsAre("R", "--slave", "{connection_file}"));
  EXPECT_EQ(specs[0].env.at("A"), "b");
  EXPECT_TRUE(specs[0].interrupt_by_message);
}

TEST_F(Kernelspecs, ALanguageMayBeMissing) {
  put("jp/kernels", "octave", R"({"argv":["octave"]})");
  EXPECT_EQ(found()[0].language, "octave");
  EXPECT_FALSE(found()[0].interrupt_by_message);
}

TEST_F(Kernelspecs, TheFirstOfANameCounts) {
  put("home/.local/share/jupyter/kernels", "k", R"({"argv":["home"]})");
  put("venv/share/jupyter/kernels", "k", R"({"argv":["venv"]})");
  put("venv/share/jupyter/kernels", "l", R"({"argv":["venv"]})");
  EXPECT_EQ(found()[0].argv[0], "home");
  EXPECT_EQ(found().size(), 2u);
  put("jp/kernels", "k", R"({"argv":["path"]})");
  EXPECT_EQ(found()[0].argv[0], "path");
}

TEST_F(Kernelspecs, LooksWhereJupyterWould) {
  fs::create_directories(root_ / "real/bin");
  fs::create_directories(root_ / "links");
  std::ofstream(root_ / "real/bin/python3") << "";
  fs::create_symlink(root_ / "real/bin/python3", root_ / "links/python3");
  env_["PATH"] += ":" + (root_ / "links").string() + ":relative::/bin/:" + (root_ / "venv/bin/").string();
  std::string r = root_.string();
  EXPECT_THAT(kernelspec_directories(env_),
              ElementsAre(r + "/jp/kernels", r + "/home/.local/share/jupyter/kernels",
                          r + "/venv/share/jupyter/kernels", r + "/share/jupyter/kernels",
                          r + "/real/share/jupyter/kernels", "/share/jupyter/kernels",
                          "/usr/share/jupyter/kernels", "/usr/local/share/jupyter/kernels"));
  env_["XDG_DATA_HOME"] = "/xdg";
  EXPECT_EQ(kernelspec_directories(env_)[1], "/xdg/jupyter/kernels");
  env_["JUPYTER_DATA_DIR"] = "/own";
  EXPECT_EQ(kernelspec_directories(env_)[1], "/own/kernels");
  EXPECT_THAT(kernelspec_directories({}),
              ElementsAre("/usr/local/share/jupyter/kernels", "/usr/share/jupyter/kernels"));
}

// "python" is that of the installation which the kernelspec belongs to.
TEST_F(Kernelspecs, TheProgramBesideIsMeant) {
  put("venv/share/jupyter/kernels", "k", R"({"argv":["python", "-m", "x"]})");
  EXPECT_EQ(found()[0].argv[0], "python");
  fs::create_directories(root_ / "venv/bin");
  std::ofstream(root_ / "venv/bin/python") << "";
  ::chmod((root_ / "venv/bin/python").c_str(), 0755);
  EXPECT_EQ(found()[0].argv[0], (root_ / "venv/bin/python").string());
}

TEST_F(Kernelspecs, BrokenOnesAreLeftOut) {
  put("jp/kernels", "a", "nonsense");
  put("jp/kernels", "b", R"({"argv":[]})");
  put("jp/kernels", "c", R"({"argv":"python"})");
  put("jp/kernels", "d", R"([])");
  put("jp/kernels", "e", R"({"argv":[""]})");
  put("jp/kernels", "f", R"({"argv":["x"],"env":{"A":1}})");
  put("jp/kernels", "g", R"({"argv":["x"]})" + std::string(300'000, ' ') + "!");
  put("jp/kernels", "with space", R"({"argv":["x"]})");
  put("jp/kernels", ".hidden", R"({"argv":["x"]})");
  fs::create_directories(root_ / "jp/kernels/fifo");
  ::mkfifo((root_ / "jp/kernels/fifo/kernel.json").c_str(), 0600);
  fs::create_directories(root_ / "jp/kernels/none");
  put("jp/kernels", "good", R"({"argv":["x"]})");
  for (const Kernelspec& spec : found()) EXPECT_TRUE(spec.name == "good" || spec.name == "g") << spec.name;
}

TEST_F(Kernelspecs, AreNotEndless) {
  for (int i = 0; i < 300; ++i) put("jp/kernels", "k" + std::to_string(i), R"({"argv":["x"]})");
  EXPECT_LE(find_kernelspecs(env_).size(), 200u);
}

TEST(FillTemplate, ReplacesWhatIsKnown) {
  Environment env{{"A", "1"}, {"LONG_2", "two"}};
  EXPECT_EQ(fill_template("$A ${A}x $LONG_2/${LONG_2} $$A $B ${B} ${A $ $", env),
            "1 1x two/two $A $B ${B} ${A $ $");
  EXPECT_EQ(fill_template("", env), "");
  EXPECT_EQ(fill_template("${}", env), "${}");
}

}  // namespace
}  // namespace osb::execd
