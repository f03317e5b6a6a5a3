#include "execd/code/jupyter/jupyter_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/loop.h"

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JupyterRunTest : public ::testing::Test {
 protected:
  void published(const std::string& type, const std::string& content, const std::string& about = "run") {
    run_.published({type, "m", about, json::parse(content).as_object(), {}});
  }
  void begin() { published("execute_input", R"({"code":"x","execution_count":3})"); }
  void reply(const std::string& content) {
    run_.replied({"execute_reply", "m", "run", json::parse(content).as_object(), {}});
  }
  // "type: what it says" of each event.
  std::vector<std::string> events() {
    run_.finish();
    EXPECT_TRUE(journal_->closed());
    Journal::Reader reader(journal_, 0);
    std::string text;
    while (reader.take(text, 1 << 20, Framing::lines)) {}
    std::vector<std::string> list;
    for (size_t at = 0, end = 0; (end = text.find("\n\n", at)) != std::string::npos; at = end + 2) {
      json::Object event = json::parse(std::string_view(text).substr(at, end - at)).as_object();
      std::string line(event["type"].as_string());
      for (const char* member : {"text", "results", "error", "execution_count"})
        if (const json::Value* found = event.if_contains(member)) line += " " + json::serialize(*found);
      list.push_back(line);
    }
    return list;
  }

  net::Loop loop_;
  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(loop_.executor());
  JupyterRun run_{journal_, "run"};
};

TEST_F(JupyterRunTest, IsOverAfterBothHalvesInAnyOrder) {
  EXPECT_FALSE(run_.half_over());
  published("status", R"({"execution_state":"busy"})");
  EXPECT_FALSE(run_.begun());
  begin();
  EXPECT_TRUE(run_.begun());
  reply(R"({"status":"ok"})");
  EXPECT_TRUE(run_.half_over());
  published("status", R"({"execution_state":"idle"})", "another");
  EXPECT_FALSE(run_.over());
  published("stream", R"({"name":"stdout","text":"late"})");
  published("status", R"({"execution_state":"idle"})");
  EXPECT_TRUE(run_.over());
  EXPECT_THAT(events(), ElementsAre("stdout \"late\"", "execution_complete"));
}

TEST_F(JupyterRunTest, PrintsNoMoreThanAllowed) {
  run_ = JupyterRun(journal_, "run", OutputAllowance(3));
  begin();
  published("stream", R"({"name":"stdout","text":"ab"})");
  published("stream", R"({"name":"stderr","text":"cd"})");
  published("stream", R"({"name":"stdout","text":"ef"})");
  published("execute_result", R"({"data":{"text/plain":"7"},"execution_count":1})");
  EXPECT_THAT(events(), ElementsAre("stdout \"ab\"", "stderr \"c\"",
                                    "stderr \"[output of more than 3 bytes is left out]\\n\"",
                                    HasSubstr("execution_count"), HasSubstr("\"7\""), "execution_complete"));
}

TEST_F(JupyterRunTest, StreamsDisplaysAndResults) {
  published("stream", R"({"name":"stdout","text":"before the run"})", "old");
  begin();
  published("stream", R"({"name":"stdout","text":"a"})");
  published("stream", R"({"name":"stderr","text":"b"})", "old");  // of its thread
  published("stream", R"({"name":"stderr","text":""})");
  published("display_data", R"({"data":{"text/plain":"d","application/json":{"a":[1]}},"metadata":{}})");
  published("update_display_data", R"({"data":{"text/html":["x\n","y"]},"transient":{"display_id":"i"}})");
  published("display_data", R"({"data":{}})");
  published("clear_output", R"({"wait":false})");
  published("comm_open", R"({"comm_id":"c"})");
  published("execute_result", R"({"data":{"text/plain":"r","image/png":"QUJD"},"execution_count":3})");
  published("execute_result", R"({"data":{"text/plain":"other"},"execution_count":3})", "old");
  EXPECT_THAT(
      events(),
      ElementsAre("stdout \"a\"", "stderr \"b\"",
                  R"(result {"text":"d","text/plain":"d","application/json":"{\"a\":[1]}"})",
                  R"(result {"text/html":"x\ny"})", "execution_count 3",
                  R"(result {"text":"r","text/plain":"r","image/png":"QUJD"})", "execution_complete"));
}

TEST_F(JupyterRunTest, AnErrorIsTheOneEnd) {
  begin();
  published("error", R"({"ename":"E","evalue":"v","traceback":["l1",["l","2"]]})");
  published("stream", R"({"name":"stdout","text":"after"})");
  published("error", R"({"ename":"F","evalue":"","traceback":[]})");
  reply(R"({"status":"error","ename":"E","evalue":"v"})");
  EXPECT_THAT(events(),
              ElementsAre("status \"error\"", R"(error {"ename":"E","evalue":"v","traceback":["l1","l2"]})"));
}

TEST_F(JupyterRunTest, AnErrorMayBeInTheReplyOnly) {
  reply(R"({"status":"error","ename":"","evalue":"7","traceback":[]})");
  EXPECT_THAT(events(),
              ElementsAre("status \"error\"", R"(error {"ename":"Error","evalue":"7","traceback":[]})"));
}

TEST_F(JupyterRunTest, GivenUp) {
  reply(R"({"status":"aborted"})");
  EXPECT_EQ(events()[1], R"(error {"ename":"Aborted","evalue":"the kernel gave the run up","traceback":[]})");
}

TEST_F(JupyterRunTest, GivenUpSinceSomebodyAskedForIt) {
  run_.tell_interrupted();
  reply(R"({"status":"abort"})");
  EXPECT_EQ(events()[1],
            R"(error {"ename":"KeyboardInterrupt","evalue":"the run was interrupted","traceback":[]})");
}

TEST_F(JupyterRunTest, PagesAreShown) {
  reply(
      R"({"status":"ok","payload":[1,{"source":"page","data":{"text/plain":"help"}},{"source":"set_next_input"}]})");
  EXPECT_THAT(events(), ElementsAre(R"(result {"text":"help","text/plain":"help"})", "execution_complete"));
}

TEST_F(JupyterRunTest, OddContentsDoNoHarm) {
  begin();
  for (const char* type : {"stream", "display_data", "execute_result", "status"})
    for (const char* content :
         {"{}", R"({"data":7,"name":[],"text":{},"execution_state":1,"execution_count":"x"})"})
      published(type, content);
  run_.published({"display_data", "m", "run", {}, "too deep"});
  run_.left_out();
  reply(R"({"status":7,"payload":{}})");
  EXPECT_THAT(events(), ElementsAre("execution_count", "execution_count",
                                    "stderr \"[a message of the kernel was left out: too deep]\\n\"",
                                    "stderr \"[a message of the kernel was left out: it is too large]\\n\"",
                                    "execution_complete"));
}

TEST_F(JupyterRunTest, InputIsRefused) {
  begin();
  run_.refuse_input();
  reply(R"({"status":"ok"})");
  EXPECT_EQ(
      events()[1],
      R"(error {"ename":"StdinNotImplementedError","evalue":"code in a context has no standard input","traceback":[]})");
}

}  // namespace
}  // namespace osb::execd
