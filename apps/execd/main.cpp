// execd: the daemon inside a sandbox. Which of its lives this is depends on how it was started:
//   argv[0] code-interpreter.sh   an entrypoint of the public code-interpreter image: only waits to be told
//                                 to stop (code runs in execd itself)
//   PID 1 with descriptors 3, 4   init of a native sandbox
//   anything else                 stand-alone, with options
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "base/log.h"
#include "execd/init.h"
#include "execd/standalone.h"

namespace {

constexpr const char* kUsage =
    "usage: execd [--port N] [--address A] [--access-token T] [--log-level debug|info|warn|error]\n"
    "       execd --version | --help\n"
    "The token may also come from EXECD_ACCESS_TOKEN; without one every request is served.\n";

// Options of other implementations that start scripts may pass; what they tuned does not exist here.
constexpr std::string_view kIgnored[] = {"jupyter-host", "jupyter-token", "graceful-shutdown-timeout",
                                         "jupyter-idle-poll-interval"};

[[noreturn]] void refuse(const char* why, std::string_view what) {
  ::fprintf(stderr, "execd: %s: %.*s\n%s", why, static_cast<int>(what.size()), what.data(), kUsage);
  ::exit(2);
}

int wait_for_stop() {
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  int signal = 0;
  ::sigwait(&stop, &signal);
  return 0;
}

// Names of other programs that this file may stand in for.
bool is_placeholder(const char* program) {
  const char* slash = ::strrchr(program, '/');
  return ::strcmp(slash ? slash + 1 : program, "code-interpreter.sh") == 0;
}

void set_log_level(std::string_view text) {
  using osb::LogLevel;
  LogLevel level = LogLevel::info;
  if (text == "debug" || text == "7")
    level = LogLevel::debug;
  else if (text == "warn" || text == "4")
    level = LogLevel::warn;
  else if (text == "error" || text == "3" || text == "2")
    level = LogLevel::error;
  else if (text != "info" && text != "5" && text != "6")
    refuse("unknown log level", text);
  osb::configure_log(level, 2, "execd");
}

bool is_ignored(std::string_view name) {
  for (std::string_view ignored : kIgnored)
    if (name == ignored) return true;
  return false;
}

void set_option(osb::execd::StandaloneOptions& options, std::string_view name, std::string_view value) {
  if (name == "port") {
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.port);
    if (error != std::errc() || end != value.data() + value.size() || value.empty())
      refuse("bad port", value);
  } else if (name == "address") {
    options.address = value;
  } else if (name == "access-token") {
    options.token = value;
  } else if (name == "log-level") {
    set_log_level(value);
  } else if (!is_ignored(name)) {
    refuse("unknown option", name);
  }
}

// --name value, --name=value, and both with one dash.
osb::execd::StandaloneOptions parse_options(int argc, char** argv) {
  osb::execd::StandaloneOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (!argument.starts_with('-')) refuse("unexpected argument", argument);
    std::string_view name = argument.substr(argument.starts_with("--") ? 2 : 1);
    if (name == "help" || name == "h") {
      ::fputs(kUsage, stdout);
      ::exit(0);
    }
    if (name == "version") {
      ::puts("execd " OSB_VERSION);
      ::exit(0);
    }
    size_t equals = name.find('=');
    std::string_view value;
    char* writable = nullptr;
    if (equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
      writable = argv[i] + (value.data() - argument.data());
    } else {
      if (++i >= argc) refuse("no value for", name);
      value = writable = argv[i];
    }
    set_option(options, name, value);
    // The command line can be read by everybody.
    if (name == "access-token") ::memset(writable, '*', value.size());
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  // What a flood of output needed goes back to the kernel when it is over. Left alone, the allocator learns
  // to keep blocks of that size.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  if (argc > 0 && is_placeholder(argv[0])) return wait_for_stop();
  osb::configure_log(osb::LogLevel::warn, 2, "execd");
  if (osb::execd::is_sandbox_init()) ::_exit(osb::execd::run_sandbox_init());
  return osb::execd::run_standalone(parse_options(argc, argv));
}
