// osb server: starts the server that lies beside this program.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "osb/commands/all.h"
#include "osb/interrupts.h"
#include "osb/invocation.h"
#include "osb/local_program.h"
#include "osb/problem.h"
#include "osb/tcp_probe.h"

namespace osb::cli {

namespace {

constexpr auto kLongestStart = std::chrono::seconds(20);

std::vector<std::string> server_words(Invocation& run) {
  std::vector<std::string> words{"server"};
  for (const char* key : {"listen", "state", "images"})
    if (auto value = run.option(key)) words.insert(words.end(), {std::string("--") + key, *value});
  if (auto file = run.option("server-config")) words.insert(words.end(), {"--config", *file});
  return words;
}

// Standard input from nowhere, output to the log, a session of its own.
[[noreturn]] void become_server(const std::vector<std::string>& words, const std::string& log) {
  ::setsid();
  int null = ::open("/dev/null", O_RDONLY), out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (out < 0) throw Problem("SERVER", "opening " + log + ": " + ::strerror(errno));
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  become_local_program(words);
}

bool answers(const HostPort& at) {
  try {
    fetch(at, "/health", std::chrono::seconds(2));
    return true;
  } catch (const Problem&) {
    return false;
  }
}

// Returns when it serves; throws Problem when it ends instead or takes too long.
void wait_until_it_serves(pid_t child, const HostPort& at, const std::string& log) {
  Interrupts interrupts;
  auto end = std::chrono::steady_clock::now() + kLongestStart;
  while (!answers(at)) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child)
      throw Problem("SERVER", "starting the server: it ended at once", "tail " + log);
    if (std::chrono::steady_clock::now() > end)
      throw Problem("SERVER", "starting the server: no answer", "tail " + log);
    if (!interrupts.sleep(std::chrono::milliseconds(20))) throw Interrupted();
  }
}

int start(Invocation& run) {
  if (::geteuid() != 0)
    throw Problem("PERMISSION", "starting the server: this needs root, which it gives up",
                  "sudo " + run.line().path);
  std::vector<std::string> words = server_words(run);
  if (!run.flag("background")) become_local_program(words);
  std::string log = run.option("log").value_or("/var/log/opensandbox.log");
  HostPort at = split_address(run.option("listen").value_or("127.0.0.1:8080"), false);
  if (answers(at))
    throw Problem("SERVER", "starting the server: another one answers at " + at.host + ":" + at.port);
  pid_t child = ::fork();
  if (child < 0) throw Problem("SERVER", std::string("starting the server: ") + ::strerror(errno));
  if (child == 0) {
    try {
      become_server(words, log);
    } catch (const Problem& problem) {
      write_all(STDERR_FILENO, render(problem, false));
    }
    ::_exit(kExitFailure);
  }
  wait_until_it_serves(child, at, log);
  run.output().done("The server is process " + std::to_string(child) + "; its log is " + log,
                    {{"pid", child}, {"log", log}, {"listen", at.host + ":" + at.port}});
  return 0;
}

constexpr Option kStartOptions[] = {
    {"--listen", "HOST:PORT", "Address to serve at (127.0.0.1:8080)"},
    {"--state", "DIR", "State directory (/var/lib/opensandbox)"},
    {"--images", "DIR", "Image store (STATE/images)"},
    {"--server-config", "FILE", "The server's configuration (~/.sandbox.toml)"},
    {"-d,--background", "", "Return when it serves, and leave it running"},
    {"--log", "FILE", "Where one in the background writes (/var/log/opensandbox.log)"},
};

const Command kStart{.name = "start",
                     .summary = "Start a server on this machine; needs root",
                     .details =
                         "  sudo osb server start --background\n"
                         "Sandboxes outlive the server: the next one goes on with them.",
                     .outputs = "table|json|yaml",
                     .options = kStartOptions,
                     .run = start};
const Command* const kChildren[] = {&kStart};

}  // namespace

const Command kServerCommand{.name = "server", .summary = "A server on this machine", .children = kChildren};

}  // namespace osb::cli
