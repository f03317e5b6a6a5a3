// Which Java installations the image has, and which of them runs contexts. They are recognised by the file
// `release` that every JDK from 9 on brings along; no program is started.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "execd/environment.h"

namespace osb::execd {

struct JavaHome {
  std::string path;     // canonical
  std::string version;  // "17.0.15"
  bool usable = false;  // 11 or later, with the module jdk.jshell
};

// Of the places that people use: JAVA_HOME, PATH, /usr/lib/jvm and its relatives below `root`. The first two
// come first, if they name one; the others follow from the newest to the oldest.
std::vector<JavaHome> find_java_homes(const Environment& env, const std::string& root = "/");

// JAVA_VERSION chooses ("17", "17.0.15", as image makers write it also "jdk-17.0.15+6"); without it the
// first usable one is meant. Throws Error(unsupported) with the versions that are there. In sandboxes of the
// host, which has what it has, a missing version becomes a warning in the log.
const JavaHome& choose_java(const std::vector<JavaHome>& homes, const Environment& env);

}  // namespace osb::execd
