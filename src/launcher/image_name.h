// Names of images. They are written like OCI references, so that a name means the same here, in Docker and in
// the clients: "alpine" is "alpine:latest" is "docker.io/library/alpine:latest"; a digest is kept as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::launcher {

// The name that always exists and means the machine's own programs. It is not imported and has no tag.
constexpr std::string_view kHostImage = "host";

// "repository[:tag][@digest]" with the default registry stripped and ":latest" added where neither tag nor
// digest is given. "host" and "host:latest" become "host". Throws Error(invalid) for what is no reference.
std::string normalise_image_name(std::string_view name);

// One path component for a normalised name and back: everything outside [a-z0-9._-], and a leading dot,
// becomes %XX. decode gives nullopt for what encode does not produce (lock files, half-made imports).
std::string encode_image_name(std::string_view name);
std::optional<std::string> decode_image_name(std::string_view directory);

}  // namespace osb::launcher
