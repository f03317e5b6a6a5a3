// The least that starting a program and waiting for its end costs here and now: posix_spawn() and waitpid(),
// one after the other, from a small process, with nothing prepared, watched or recorded.
//   bench_spawn_floor COUNT PROGRAM [ARGUMENT...]
// prints the time of each in microseconds, a line each.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace {

using namespace osb;
using Clock = std::chrono::steady_clock;

void run(char** argv, const posix_spawn_file_actions_t* actions) {
  pid_t pid = 0;
  if (int error = ::posix_spawn(&pid, argv[0], actions, nullptr, argv, environ))
    throw system_error("starting the program", error);
  int status = 0;
  check(::waitpid(pid, &status, 0), "waiting for the program");
  if (status != 0) throw Error(ErrorCode::internal, "running the program: it failed");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  for (int left = std::atoi(arguments[1]); left > 0; --left) {
    auto begin = Clock::now();
    run(arguments + 2, &actions);
    std::printf("%.1f\n", std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
}
