// The part of the public start script that needs a shell: EXECD_BOOTSTRAP_PRE_SCRIPT is sourced, so that what
// it exports reaches the daemon and the entrypoint, and a script that fails ends the start.
#pragma once

namespace osb::execd {

// Becomes a shell that sources the script and then this program again, with the same arguments and process
// id. Returns when there is no script to source, that is, the variable is not set or names nothing readable.
// Throws Error where there is no shell.
void source_bootstrap_script(char** argv);

}  // namespace osb::execd
