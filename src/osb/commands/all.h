// The commands of osb's first level; each is defined in the file of its name.
#pragma once

#include "osb/tree.h"

namespace osb::cli {

extern const Command kCodeCommand, kCommand, kCompletion, kComplete, kConfig, kCopy, kCredentialVault,
    kDevops, kDiagnostics, kDoctor, kEgress, kExec, kFileCommand, kImageCommand, kLogs, kMan, kRunImage,
    kSandbox, kServerCommand, kShell, kSkills, kSnapshotCommand, kTemplateCommand, kTop;

}  // namespace osb::cli
