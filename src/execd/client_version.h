// Which form of command texts a client reads: since 1.1.1 texts keep their line terminator; the public SDKs
// before that expect them without it. The User-Agent is the only thing a request tells about it.
#pragma once

#include <string_view>

namespace osb::execd {

// True for "OpenSandbox-<Python|JS|Kotlin|CSharp|Go>-SDK/<version>" with a version below 1.1.1. Anything that
// cannot be read is taken for a new client.
bool wants_stripped_lines(std::string_view user_agent);

}  // namespace osb::execd
