// osb cp: files and directories into a sandbox and out of it.
#include "osb/commands/all.h"
#include "osb/commands/transfers.h"
#include "osb/connection.h"
#include "osb/interrupts.h"
#include "osb/problem.h"
#include "osb/progress.h"
#include "osb/remote_path.h"
#include "osb/text_width.h"
#include "osb/transfer.h"

namespace osb::cli {

int transfer_up(Invocation& run, const std::string& id, const std::string& local, const std::string& remote) {
  Interrupts interrupts;
  TransferOptions options{.stop = interrupts.token()};
  TransferResult result = upload(open_sandbox(run, id, options.stop).files(), local, remote, options);
  report_transfer(run, result, id + ":" + remote);
  return 0;
}

int transfer_down(Invocation& run, const std::string& id, const std::string& remote,
                  const std::string& local) {
  Interrupts interrupts;
  TransferOptions options{.progress = local != "-", .stop = interrupts.token()};
  TransferResult result = download(open_sandbox(run, id, options.stop).files(), remote, local, options);
  if (local != "-") report_transfer(run, result, local);
  return 0;
}

void report_transfer(Invocation& run, const TransferResult& result, const std::string& target) {
  for (const std::string& path : result.skipped)
    write_all(STDERR_FILENO, "osb: not copied, neither a file nor a directory: " + visible(path) + "\n");
  std::string files = result.files == 1 ? "1 file" : std::to_string(result.files) + " files";
  run.output().done("Copied " + files + ", " + byte_size(result.bytes) + ", to " + target,
                    {{"files", result.files}, {"bytes", result.bytes}, {"skipped", result.skipped.size()}});
}

namespace {

int copy(Invocation& run) {
  std::string from = run.argument("SOURCE"), to = run.argument("DESTINATION");
  auto remote_from = remote_path(from), remote_to = remote_path(to);
  if (remote_from.has_value() == remote_to.has_value())
    throw UsageProblem("one of the two must be SANDBOX:PATH, the other a file here",
                       "osb cp ./data SANDBOX:/work, osb cp SANDBOX:/work/out.txt .");
  return remote_to ? transfer_up(run, remote_to->sandbox, from, remote_to->path)
                   : transfer_down(run, remote_from->sandbox, remote_from->path, to);
}

constexpr Argument kArguments[] = {
    {"SOURCE", "A file or directory, here or SANDBOX:PATH; - is standard input"},
    {"DESTINATION", "Where to; - is standard output"}};

}  // namespace

const Command kCopy{.name = "cp",
                    .summary = "Copy files and directories into a sandbox or out of it",
                    .details =
                        "  osb cp ./data SANDBOX:/work        # /work/data if /work is there, else /work\n"
                        "  osb cp SANDBOX:/work/out.txt .\n"
                        "  tar c . | osb cp - SANDBOX:/tmp/all.tar",
                    .outputs = "table|json|yaml",
                    .arguments = kArguments,
                    .run = copy};

}  // namespace osb::cli
