// Everything: #include <opensandbox/opensandbox.h>
#pragma once

#include <opensandbox/commands.h>
#include <opensandbox/connection.h>
#include <opensandbox/error.h>
#include <opensandbox/execution.h>
#include <opensandbox/result.h>
#include <opensandbox/sandbox.h>
#include <opensandbox/sandbox_types.h>
#include <opensandbox/version.h>
