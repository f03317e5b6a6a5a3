#include "execd/code/java_language.h"

#include <algorithm>
#include <utility>

#include "execd/code/java_homes.h"
#include "execd/environment.h"

namespace osb::execd {
namespace {

// The compiler of a context runs a little of everything: C2 would work on what never pays. The numbers leave
// it to methods that are called often; loops of users get there as ever.
constexpr const char* kOptions[] = {
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=20000",
    "-XX:Tier4CompileThreshold=100000",
    "-Xshare:auto",
    "-XX:-UsePerfData",  // no files in /tmp
    "-XX:-CreateCoredumpOnCrash",
    "-XX:ErrorFile=/tmp/hs_err_pid%p.log",  // not in the directory of the context
    "-Dfile.encoding=UTF-8",
    "-Djava.awt.headless=true",
};

// Two collectors are an error; the user's choice stands.
bool names_collector(const Environment& env) {
  return std::any_of(env.begin(), env.end(), [](const auto& entry) {
    if (entry.first != "JAVA_TOOL_OPTIONS" && entry.first != "JDK_JAVA_OPTIONS" &&
        entry.first != "_JAVA_OPTIONS")
      return false;
    size_t at = entry.second.find("-XX:+Use");
    return at != std::string::npos && entry.second.find("GC", at) != std::string::npos;
  });
}

bool names_locale(const Environment& env) {
  return env.contains("LC_ALL") || env.contains("LC_CTYPE") || env.contains("LANG");
}

}  // namespace

net::task<WorkerProgram> JavaLanguage::program(std::vector<std::string> env) {
  Environment variables = from_strings(env);
  JavaHome home = choose_java(find_java_homes(variables), variables);
  WorkerProgram program;
  program.program = home.path + "/bin/java";
  program.argv = {"java"};
  if (!names_collector(variables)) program.argv.emplace_back("-XX:+UseSerialGC");
  program.argv.insert(program.argv.end(), std::begin(kOptions), std::end(kOptions));
  program.argv.insert(program.argv.end(), {"-cp", "/proc/self/fd/5", "osb.worker.Worker"});
  variables["JAVA_HOME"] = home.path;
  if (!names_locale(variables)) variables["LC_CTYPE"] = "C.UTF-8";  // names of files are texts to Java
  program.env = to_strings(variables);
  program.files = {kJavaWorker};
  co_return program;
}

}  // namespace osb::execd
