// One execution in a Jupyter kernel: its messages become events. A run is over when the kernel replied on one
// channel and said on another that it is idle; the two come in any order, and output comes before the latter.
// No sockets here.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "execd/code/jupyter/jupyter_message.h"
#include "execd/journal.h"
#include "execd/output_allowance.h"

namespace osb::execd {

// The request, with that code.
json::Object execute_content(std::string_view code);

class JupyterRun {
 public:
  // `id`: of the request.
  JupyterRun(std::shared_ptr<Journal> events, std::string id, OutputAllowance allowance = {});

  const std::string& id() const { return id_; }
  Journal& events() { return *events_; }
  const Journal& events() const { return *events_; }

  // A message that the kernel published. Output counts from the begin of the run on whatever it is about, as
  // threads of earlier runs go on printing.
  void published(const JupyterMessage& message);
  // The reply to the request, or to a later one: then its own was lost.
  void replied(const JupyterMessage& message);
  void idle() { idle_ = true; }
  // What it printed past the kernel's own ways.
  void print(bool to_stdout, std::string_view text);
  // A message that was too large.
  void left_out();
  // The code asked for input.
  void refuse_input();

  bool begun() const { return begun_; }  // the kernel takes interrupts
  bool half_over() const { return reply_ || idle_; }
  bool over() const { return reply_ && idle_; }
  bool failed() const { return failed_; }

  // The terminal event, if there was none, and the end of the journal.
  void finish();
  void fail(std::string_view ename, std::string_view evalue, const std::vector<std::string>& traceback);
  void tell_interrupted() { interrupted_ = true; }

 private:
  void show(const json::Object& content);
  void fail(const json::Object& content);

  std::shared_ptr<Journal> events_;
  std::string id_;
  OutputAllowance allowance_;
  std::chrono::steady_clock::time_point started_;
  bool begun_ = false, reply_ = false, idle_ = false, failed_ = false, interrupted_ = false;
  json::Object answer_;  // the reply, for its end
};

}  // namespace osb::execd
