#include "sys/terminal.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "sys/child.h"

namespace osb::sys {
namespace {

// Everything that is printed until nobody has the terminal any more.
std::string read_to_end(int fd) {
  std::string out;
  char buffer[4096];
  while (true) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n > 0) {
      out.append(buffer, static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      pollfd poll = {fd, POLLIN, 0};
      if (::poll(&poll, 1, 20000) != 1) return out + "<nothing>";
    } else {
      return out;
    }
  }
}

std::string run_on(Terminal terminal, const std::string& script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {"sh", "-c", script};
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.fds = {{0, terminal.theirs.get()}, {1, terminal.theirs.get()}, {2, terminal.theirs.get()}};
  spec.new_session = true;
  spec.own_terminal = true;
  Child child = start_child(spec);
  terminal.theirs.reset();
  std::string out = read_to_end(terminal.ours.get());
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  return out;
}

// Fields of /proc/<pid>/stat: 5 is the group, 6 the session, 8 the foreground group of the terminal.
const std::string kOwnStat = "read -r line < /proc/$$/stat; set -- $line; ";

TEST(Terminal, IsTheControllingTerminalOfTheChild) {
  // /dev/tty can be opened only by a process that has one.
  EXPECT_EQ(run_on(open_terminal({80, 24}),
                   "echo by name > /dev/tty; " + kOwnStat + "test $6 = $$ && echo leads its session"),
            "by name\r\nleads its session\r\n");
}

TEST(Terminal, HasTheSizeThatWasAskedFor) {
  EXPECT_EQ(run_on(open_terminal({123, 45}), "stty size"), "45 123\r\n");
  Terminal terminal = open_terminal({});
  resize_terminal(terminal.ours.get(), {200, 50});
  EXPECT_EQ(run_on(std::move(terminal), "stty size"), "50 200\r\n");
}

TEST(Terminal, KnowsTheForegroundGroup) {
  Terminal terminal = open_terminal({});
  EXPECT_EQ(foreground_group(terminal.ours.get()), 0);
  EXPECT_EQ(end_of_input_character(terminal.ours.get()), '\x04');
  EXPECT_EQ(run_on(std::move(terminal), kOwnStat + "test $5 = $8 && echo same"), "same\r\n");
}

TEST(Terminal, AChildWithoutASessionGetsNone) {
  Terminal terminal = open_terminal({});
  ChildSpec spec;
  spec.program = "/bin/true";
  spec.argv = {"true"};
  spec.fds = {{0, terminal.theirs.get()}};
  spec.own_terminal = true;
  EXPECT_THROW(start_child(spec), Error);
}

}  // namespace
}  // namespace osb::sys
