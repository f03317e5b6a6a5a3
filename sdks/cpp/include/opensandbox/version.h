#pragma once

/// Version of this library: MAJOR.MINOR.PATCH of the contract that it speaks.
#define OPENSANDBOX_VERSION "1.1.1"
