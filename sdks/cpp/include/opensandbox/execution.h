// What comes out of a run of a command or of code, as it comes and when it is over.
#pragma once

#include <opensandbox/connection.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace opensandbox {

/// A piece of output.
struct Output {
  std::string text;       ///< of a command usually one line with its end; UTF-8
  int64_t timestamp = 0;  ///< Unix milliseconds
  bool is_error = false;  ///< stderr
};

/// A value that code shows.
struct CodeResult {
  std::string text;  ///< plain text form; may be empty
  std::map<std::string, std::string>
      data;                ///< by MIME type: "text/html", "image/png" (base64), …; text/plain too
  std::string metadata;    ///< JSON object of the code about them; empty if there is none
  std::string display_id;  ///< name that the code gave it; empty: none
  bool update = false;     ///< takes the place of what was shown under display_id
  int64_t timestamp = 0;   ///< Unix milliseconds
};

/// Why a run failed.
struct ExecutionError {
  std::string name;                    ///< CommandExecError for commands, else the name of the exception
  std::string value;                   ///< exit status of a command, text of an exception
  std::vector<std::string> traceback;  ///< lines; of a command one text, such as "signal: killed"
  int64_t timestamp = 0;               ///< Unix milliseconds
};

/// The run has begun.
struct ExecutionInit {
  std::string id;            ///< of the command; the context's for code, the session's for a session run
  std::string execution_id;  ///< of this run, never used twice; empty where the daemon has none
  int64_t timestamp = 0;     ///< Unix milliseconds
};

/// The run is over.
struct ExecutionComplete {
  int64_t timestamp = 0;           ///< Unix milliseconds
  Milliseconds execution_time{0};  ///< as the daemon measured it
};

/// What a run hears while it goes on. Called on the thread that runs it, one at a time, in the order of the
/// stream. While one works nothing more is read, which slows the program down in the end: back-pressure
/// without loss. An exception ends the call, not the program in the sandbox.
struct Handlers {
  std::function<void(const Output&)> on_stdout;
  std::function<void(const Output&)> on_stderr;
  std::function<void(const ExecutionInit&)> on_init;
  std::function<void(const CodeResult&)> on_result;
  std::function<void(const ExecutionError&)> on_error;
  std::function<void(const ExecutionComplete&)> on_complete;
  /// The code wants what it has shown to be cleared; `wait`: when it shows the next thing.
  std::function<void(bool wait)> on_clear;
  /// So many events were lost, because nobody followed the run for too long.
  std::function<void(uint64_t events)> on_gap;
  bool keep_output = true;  ///< false: the Execution has no output and no results, for long runs
};

/// A run, when its stream has ended.
struct Execution {
  std::string id;                    ///< as in ExecutionInit
  std::string execution_id;          ///< as in ExecutionInit
  std::vector<Output> stdout_parts;  ///< in order
  std::vector<Output> stderr_parts;  ///< in order; between the two there is no order
  std::vector<CodeResult> results;
  std::optional<ExecutionError> error;        ///< set if it failed
  std::optional<ExecutionComplete> complete;  ///< set if it ended well, or was started in the background
  std::optional<int> exit_code;  ///< of a foreground command; -1 if a signal ended it; never set for code
  int execution_count = 0;       ///< of code, counted by its context
  uint64_t last_event = 0;       ///< number of the newest event that was seen; 0 where they have none

  /// stdout, all of it, exactly.
  std::string stdout_text() const;
  /// stderr, all of it, exactly.
  std::string stderr_text() const;
  /// stdout without line ends at its end, then the results' texts, each on a line of its own; for people,
  /// with LF as the only line end. Old daemons leave out line ends: they are put back here.
  std::string text() const;
  bool ok() const { return !error; }
};

}  // namespace opensandbox
