// What came of a call, in the words of tests/conformance/clients/README.md.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

#include "conformance/call.h"

namespace opensandbox::conformance {

// A text as it is, or a long one by its size and hash.
Value told(const std::string& text);
Value told(const Execution& run);
Value told(const SandboxInfo& info);
Value told(std::optional<Time> time);  // milliseconds, or null
// `{"failure": {…}}`.
Value told(const Error& error);
std::string base64(std::string_view bytes);

}  // namespace opensandbox::conformance
