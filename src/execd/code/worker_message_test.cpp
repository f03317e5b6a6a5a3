#include "execd/code/worker_message.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace osb::execd {
namespace {

TEST(WorkerMessage, ReadsWhatWorkersSend) {
  WorkerMessage result = parse_worker_message(
      R"({"type":"execute_result","run":3,"execution_count":2,"data":{"text/plain":"4","text/html":"<b>"},"later":[]})");
  EXPECT_EQ(result.type, "execute_result");
  EXPECT_EQ(result.run, 3);
  EXPECT_EQ(result.execution_count, 2);
  EXPECT_EQ(result.data.at("text/html"), "<b>");
  WorkerMessage error =
      parse_worker_message(R"({"type":"error","ename":"E","evalue":"v","traceback":["a","b"]})");
  EXPECT_EQ(error.traceback, (std::vector<std::string>{"a", "b"}));
}

TEST(WorkerMessage, RefusesWhatTheyDoNot) {
  for (const char* bad :
       {"", "[]", "{", R"({"type":1})", R"({"type":"x","data":{"a":{}}})", R"({"traceback":"x"})"})
    EXPECT_THROW(parse_worker_message(bad), Error) << bad;
}

TEST(WorkerMessage, RequestsAreJson) {
  EXPECT_EQ(json::parse(execute_request(7, "print(\"ä\\n\")\n")).at("code").as_string(), "print(\"ä\\n\")\n");
  EXPECT_EQ(json::parse(execute_request(7, "")).at("run").as_int64(), 7);
  EXPECT_EQ(json::parse(fork_request("id", "/a\"b")).at("cwd").as_string(), "/a\"b");
  EXPECT_EQ(json::parse(display_ack(9)).at("display").as_int64(), 9);
}

}  // namespace
}  // namespace osb::execd
