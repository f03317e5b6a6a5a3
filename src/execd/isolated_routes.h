// Isolated sessions (`/v1/isolated/…`) are not built. Clients that ask are told so in the words that they
// know, so that their own check for the capability works.
#pragma once

#include "http/router.h"

namespace osb::execd {

void add_isolated_routes(http::Router& router);

}  // namespace osb::execd
