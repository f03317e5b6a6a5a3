// Code in a sandbox: one run with its output here, and a conversation line by line.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

namespace osb::cli {

// stdout and stderr as they come, then the plain text of each result on lines of their own, then the
// traceback of an error on stderr. 0, 1 after an error of the code, 130 after Ctrl-C, which ends the code but
// not its context.
int run_code(const opensandbox::Codes& codes, const std::string& code,
             const opensandbox::CodeOptions& options);

// Reads code from the terminal until Ctrl-D; `options.context_id` must be set. Lines that begin a block go on
// until an empty one. The history is kept in `history_file`, if it is not empty. Returns 0.
int converse(const opensandbox::Codes& codes, const opensandbox::CodeOptions& options,
             const std::string& history_file);

// Whether more lines belong to `text`, which is not empty: an open bracket, a backslash or colon at its end,
// or a block whose last line is indented.
bool goes_on(std::string_view text, std::string_view language);

}  // namespace osb::cli
