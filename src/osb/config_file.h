// Changes of the configuration file that leave everything else in it as it stands, comments included.
#pragma once

#include <string>
#include <string_view>

namespace osb::cli {

// The file that `osb config init` writes: every setting, commented out, with its default.
std::string_view config_template();

// `name` is "SECTION.FIELD"; throws UsageProblem for one that does not exist or a value of the wrong kind.
// Returns the value as TOML: a quoted string, an integer, true or false.
std::string toml_value(std::string_view name, std::string_view value);

// `text` with `value` (TOML) in place of the field's: in its line if the section has it (a comment behind it
// stays), else below the section's head, else in a new section at the end.
std::string with_setting(const std::string& text, std::string_view name, const std::string& value);

// "" if missing. Throws Problem.
std::string read_config(const std::string& path);
// Whole or not at all, mode 0600, folders made as needed: the file may hold a key. A link is followed. Throws
// Problem.
void write_config(const std::string& path, const std::string& text);

}  // namespace osb::cli
