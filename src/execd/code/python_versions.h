// The Pythons of the image, and which of them PYTHON_VERSION means.
//
// Looked for in the PATH, in ~/.pyenv/versions, /opt/opensandbox/python and /opt/python/versions. A version
// is what a name or a directory claims ("3.11", "3.11.7"); the interpreter tells the truth when it runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

struct InstalledPython {
  std::string program;  // absolute path
  std::string version;  // empty: unknown
};

// Newest first; of one version the first in the order above. `env` gives PATH and HOME.
std::vector<InstalledPython> installed_pythons(const std::vector<std::string>& env);

// The value of PYTHON_VERSION; empty: the image's default.
std::string wanted_python(const std::vector<std::string>& env);

// Whether an interpreter of that version is what is wanted: "3" and "3.11" mean all that begin so, and
// "3.11.7" any 3.11, for images have one of each.
bool is_wanted(std::string_view version, std::string_view wanted);

// Programs to try, best first; each has to be asked what it is.
std::vector<std::string> python_candidates(const std::vector<std::string>& env);

}  // namespace osb::execd
