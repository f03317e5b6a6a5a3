#include "osb/local_program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"
#include "osb/output.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

// Takes what a program prints, however much and in whatever order.
Fd memory_file() {
  Fd file(::memfd_create("output", MFD_CLOEXEC));
  if (!file) throw Problem("LOCAL", std::string("starting opensandbox: ") + ::strerror(errno));
  return file;
}

std::string content(const Fd& file) {
  std::string text(static_cast<size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  ssize_t count = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return text;
}

// "opensandbox: importing an image: …\n" without what every line has.
std::string message_of(std::string text) {
  constexpr std::string_view prefix = "opensandbox: ";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  size_t last = text.rfind('\n');  // warnings of its log come first
  if (last != text.npos) text.erase(0, last + 1);
  if (text.starts_with(prefix)) text.erase(0, prefix.size());
  return text.empty() ? "opensandbox failed and said nothing" : text;
}

}  // namespace

std::string local_program() {
  std::error_code error;
  auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "opensandbox";
  return !error && ::access(own.c_str(), X_OK) == 0 ? own.string() : "opensandbox";
}

void become_local_program(const std::vector<std::string>& words) {
  std::string program = local_program();
  std::vector<char*> arguments{program.data()};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execvp(arguments[0], arguments.data());
  throw Problem("SERVER", "starting " + program + ": " + ::strerror(errno),
                "put the program opensandbox beside osb, or into a folder of PATH");
}

std::string run_local_program(const std::vector<std::string>& words) {
  Fd printed = memory_file(), complaints = memory_file();
  pid_t child = ::fork();
  if (child < 0) throw Problem("LOCAL", std::string("starting opensandbox: ") + ::strerror(errno));
  if (child == 0) {
    ::dup2(printed.get(), STDOUT_FILENO);
    ::dup2(complaints.get(), STDERR_FILENO);
    try {
      become_local_program(words);
    } catch (const Problem& problem) {
      write_all(STDERR_FILENO, problem.message + "; " + problem.advice);
    }
    ::_exit(kExitFailure);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (status != 0) throw Problem("LOCAL", message_of(content(complaints)));
  return content(printed);
}

}  // namespace osb::cli
