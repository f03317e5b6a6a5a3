// Jupyter kernels that are installed in this image: what their kernel.json says, without Jupyter.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "execd/environment.h"

namespace osb::execd {

struct Kernelspec {
  std::string name;       // of its directory
  std::string directory;  // where kernel.json is
  std::string language;   // lower case; the name where kernel.json gives none
  std::string display_name;
  std::vector<std::string> argv;  // with {connection_file} in it; the program is looked up already
  std::map<std::string, std::string> env;
  bool interrupt_by_message = false;  // else by SIGINT
  bool operator==(const Kernelspec&) const = default;
};

// Directories that may hold kernelspecs, best first: those of JUPYTER_PATH, of the user (JUPYTER_DATA_DIR, or
// XDG_DATA_HOME or ~/.local/share), of the installations that PATH leads to, of the system.
std::vector<std::string> kernelspec_directories(const Environment& env);

// What is in them: of several with one name the best. Broken ones are left out. Reads small files; bounded.
std::vector<Kernelspec> find_kernelspecs(const Environment& env);

// `$NAME` and `${NAME}` replaced where `env` has the name, `$$` by `$`; the rest stays.
std::string fill_template(std::string_view text, const Environment& env);

}  // namespace osb::execd
