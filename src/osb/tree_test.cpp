// The tree itself: no command may contradict another one, or the conventions that tree.h lists.
#include "osb/tree.h"

#include <gtest/gtest.h>

#include <set>

#include "osb/help.h"
#include "osb/text_width.h"

namespace osb::cli {
namespace {

template <class Visit>
void each_command(const Visit& visit) {
  walk(kRoot, "osb", [&](const Command& command, const std::string& path) {
    SCOPED_TRACE(path);
    visit(command, path);
  });
}

std::set<std::string> names_of(std::span<const Option> options) {
  std::set<std::string> names;
  for (const Option& option : options) {
    std::string all(option.names);
    for (size_t at = 0; at != std::string::npos;) {
      size_t comma = all.find(',', at);
      std::string name = all.substr(at, comma == std::string::npos ? comma : comma - at);
      EXPECT_TRUE(names.insert(name).second) << name << " twice";
      at = comma == std::string::npos ? comma : comma + 1;
    }
  }
  return names;
}

TEST(Tree, CommandRunsOrHasChildren) {
  each_command([](const Command& command, const std::string&) {
    EXPECT_NE(command.run == nullptr, command.children.empty());
    EXPECT_FALSE(command.summary.empty());
    EXPECT_FALSE(command.summary.ends_with("."));
  });
}

TEST(Tree, NoOptionIsThereTwiceOrHidesAGlobalOne) {
  std::set<std::string> globals = names_of(global_options());
  each_command([&](const Command& command, const std::string&) {
    for (const std::string& name : names_of(command.options)) {
      EXPECT_FALSE(globals.contains(name)) << name;
      if (!command.outputs.empty()) EXPECT_TRUE(name != "-o" && name != "--output") << name;
    }
  });
}

// "DURATION|none" would refuse 10m.
TEST(Tree, ValuesThatAreChoicesHoldNoPlaceholder) {
  each_command([&](const Command& command, const std::string&) {
    for (const Option& option : command.options) {
      if (option.value.find('|') == std::string_view::npos) continue;
      for (char c : option.value) EXPECT_FALSE(c >= 'A' && c <= 'Z') << option.names;
    }
  });
}

TEST(Tree, HelpFitsInto80Columns) {
  each_command([](const Command& command, const std::string& path) {
    CommandLine line;
    line.command = &command;
    line.path = path;
    std::string help = help_text(line), at;
    for (char c : help) {
      if (c == '\n') {
        EXPECT_LE(text_width(at), 80u) << at;
        at.clear();
      } else {
        at += c;
      }
    }
    EXPECT_NE(help.find("Usage: " + path), std::string::npos);
  });
}

TEST(Tree, OnlyTheLastArgumentTakesMany) {
  each_command([](const Command& command, const std::string&) {
    for (size_t i = 0; i + 1 < command.arguments.size(); ++i)
      EXPECT_EQ(command.arguments[i].count, Count::one);
  });
}

}  // namespace
}  // namespace osb::cli
