// Everything: #include <opensandbox/opensandbox.h>
#pragma once

#include <opensandbox/codes.h>
#include <opensandbox/commands.h>
#include <opensandbox/connection.h>
#include <opensandbox/egress.h>
#include <opensandbox/error.h>
#include <opensandbox/execution.h>
#include <opensandbox/files.h>
#include <opensandbox/isolation.h>
#include <opensandbox/manager.h>
#include <opensandbox/pool.h>
#include <opensandbox/result.h>
#include <opensandbox/sandbox.h>
#include <opensandbox/sandbox_types.h>
#include <opensandbox/templates.h>
#include <opensandbox/terminal.h>
#include <opensandbox/version.h>
