// execd: the daemon inside a sandbox. Which of its lives this is depends on how it was started:
//   argv[0] code-interpreter.sh   an entrypoint of the public code-interpreter image: only waits to be told
//                                 to stop (code runs in execd itself)
//   PID 1 with descriptors 3, 4   init of a native sandbox
//   anything else                 stand-alone, alone or around an entrypoint (execd init -- CMD)
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "execd/bootstrap.h"
#include "execd/init.h"
#include "execd/standalone.h"

namespace {

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

// Exits for --help, --version and what cannot be understood.
osb::execd::StandaloneOptions options_or_exit(int argc, char** argv) {
  try {
    auto options =
        osb::execd::parse_standalone_options({argv + 1, argv + argc}, osb::execd::from_strings(environ));
    options.program_version = OSB_VERSION;
    if (options.help) ::fputs(osb::execd::kUsage, stdout);
    if (options.version) ::puts("execd " OSB_VERSION);
    if (options.help || options.version) ::exit(0);
    return options;
  } catch (const osb::execd::UsageError& error) {
    ::fprintf(stderr, "execd: %s\n%s", error.what(), osb::execd::kUsage);
    ::exit(2);
  } catch (const osb::Error& error) {
    ::fprintf(stderr, "execd: %s\n", error.what());
    ::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // What a flood of output needed goes back to the kernel when it is over. Left alone, the allocator learns
  // to keep blocks of that size.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  if (argc > 0 && is_placeholder(argv[0])) return wait_for_stop();
  osb::configure_log(osb::LogLevel::warn, 2, "execd");
  if (osb::execd::is_sandbox_init()) ::_exit(osb::execd::run_sandbox_init(OSB_VERSION));
  auto options = options_or_exit(argc, argv);
  osb::configure_log(options.log_level, 2, "execd");
  try {
    if (options.wrap) osb::execd::source_bootstrap_script(argv);
  } catch (const osb::Error& error) {
    osb::log_error("execd cannot start", {{"error", error.message()}});
    return 1;
  }
  osb::execd::hide_secrets(argc, argv);
  return osb::execd::run_standalone(std::move(options));
}
