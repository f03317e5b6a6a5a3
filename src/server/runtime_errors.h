// How failures of a runtime look to a caller of the lifecycle API: status and code of specs/errors.md.
#pragma once

#include <string_view>

#include "base/error.h"

namespace osb::server {

// Of resolve_image(): an unknown image is the caller's mistake (400), not a missing resource.
Error image_error(const Error& from);
// Of create().
Error create_error(const Error& from);
// Of store_image() and remove_image().
Error store_error(const Error& from);
// Of pause() and resume().
Error change_error(const Error& from, std::string_view doing, std::string_view conflict_code,
                   std::string_view failure_code);

}  // namespace osb::server
