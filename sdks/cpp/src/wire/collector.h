// Builds one Execution from its events and tells the handlers. No I/O.
//
// A command has exactly one last event; what follows it is ignored. Code may report an error and then its
// completion: both count. Events that were seen before (after a resume) are passed over by their number.
#pragma once

#include <opensandbox/execution.h>

#include "base/json.h"

namespace opensandbox::detail {

class Collector {
 public:
  enum class Kind { command, background, code };

  // `handlers` must outlive this.
  Collector(Kind kind, const Handlers& handlers) : kind_(kind), handlers_(handlers) {}

  // Handlers' exceptions pass.
  void take(const osb::json::Object& event);
  // Whether the last event has come.
  bool ended() const { return ended_; }
  // Whether a broken stream can be gone on with.
  bool resumable() const { return !run_.execution_id.empty() && run_.last_event > 0 && !ended_; }
  uint64_t last_event() const { return run_.last_event; }
  const std::string& execution_id() const { return run_.execution_id; }
  // Of /command/{id}/resume.
  const char* resume_kind() const { return kind_ == Kind::code ? "code" : "command"; }
  // For a run that is resumed by its id: what was seen of it before.
  void begin_at(std::string execution_id, uint64_t last_event);
  // The stream is over.
  Execution finish();

 private:
  void init(const osb::json::Object& event);
  void output(const osb::json::Object& event, bool is_error);
  void result(const osb::json::Object& event);
  void complete(const osb::json::Object& event);
  void error(const osb::json::Object& event);
  void fail(ExecutionError error);

  Kind kind_;
  const Handlers& handlers_;
  Execution run_;
  bool ended_ = false;
};

}  // namespace opensandbox::detail
