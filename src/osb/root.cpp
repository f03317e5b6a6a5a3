#include "osb/commands/all.h"

namespace osb::cli {

namespace {

const Command* const kChildren[] = {&kRunImage,
                                    &kExec,
                                    &kShell,
                                    &kCodeCommand,
                                    &kCopy,
                                    &kLogs,
                                    &kTop,
                                    &kDoctor,
                                    &kSandbox,
                                    &kCommand,
                                    &kFileCommand,
                                    &kSnapshotCommand,
                                    &kTemplateCommand,
                                    &kImageCommand,
                                    &kEgress,
                                    &kCredentialVault,
                                    &kDiagnostics,
                                    &kDevops,
                                    &kServerCommand,
                                    &kSkills,
                                    &kConfig,
                                    &kCompletion,
                                    &kMan,
                                    &kComplete};

}  // namespace

const Command kRoot{.name = "osb",
                    .summary = "Sandboxes from the command line",
                    .details =
                        "  osb run host -- uname -a             # make, run, end\n"
                        "  osb sandbox create --image host      # one that stays\n"
                        "  osb exec SANDBOX -- ls /tmp\n"
                        "  osb shell SANDBOX\n"
                        "  osb cp ./data SANDBOX:/work\n"
                        "  osb doctor                           # what is in the way?",
                    .children = kChildren};

}  // namespace osb::cli
