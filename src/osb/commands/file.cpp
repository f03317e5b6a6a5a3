// osb file: files and directories of a sandbox.
#include "osb/commands/all.h"
#include "osb/commands/transfers.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/interrupts.h"
#include "osb/models.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

using opensandbox::FileInfo;

constexpr std::string_view kFormats = "table|json|yaml";

// "0644" and "644" are the same.
int read_mode(const std::string& text) {
  bool digits = !text.empty() && text.size() <= 5;
  for (char c : text) digits = digits && c >= '0' && c <= '7';
  if (!digits) throw UsageProblem("--mode: \"" + text + "\" is no mode such as 644 or 0755");
  return std::stoi(text);
}

opensandbox::Permissions permissions(Invocation& run, int mode) {
  opensandbox::Permissions out{.mode = mode};
  if (auto text = run.option("mode")) out.mode = read_mode(*text);
  out.owner = run.option("owner").value_or("");
  out.group = run.option("group").value_or("");
  return out;
}

// The daemon and osb agree on UTF-8 and on bytes; other encodings are the business of iconv.
void check_encoding(Invocation& run) {
  std::string name = run.option("encoding").value_or("utf-8");
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (name != "utf-8" && name != "utf8" && name != "ascii")
    throw UsageProblem("--encoding: bytes are written and read as they stand, which is utf-8 here",
                       "osb file cat SANDBOX PATH | iconv -f " + name);
}

json::Object file_model(const FileInfo& info) {
  return {{"path", info.path},
          {"entry_type", info.type},
          {"mode", info.mode},
          {"owner", info.owner},
          {"group", info.group},
          {"size", info.size},
          {"modified_at", time_text(info.modified_at)},
          {"created_at", time_text(info.created_at)}};
}

constexpr Column kFileColumns[] = {{"PATH", "path"},   {"TYPE", "entry_type"}, {"MODE", "mode"},
                                   {"OWNER", "owner"}, {"SIZE", "size"},       {"MODIFIED", "modified_at"}};

void print_files(Invocation& run, const std::vector<FileInfo>& files, std::string_view none) {
  json::Array rows;
  for (const FileInfo& info : files) rows.push_back(file_model(info));
  run.output().rows(rows, kFileColumns, none);
}

int cat(Invocation& run) {
  check_encoding(run);
  Interrupts interrupts;
  open_sandbox(run).files().read_to(
      run.argument("PATH"), [](std::string_view bytes) { write_all(STDOUT_FILENO, bytes); }, {}, {},
      interrupts.token());
  return 0;
}

int write(Invocation& run) {
  check_encoding(run);
  std::string path = run.argument("PATH");
  std::string data = run.option("content") ? *run.option("content") : read_file("-");
  open_sandbox(run).files().write(path, data, permissions(run, 755));
  run.output().done("Wrote " + path, {{"path", path}, {"bytes", data.size()}});
  return 0;
}

int upload_file(Invocation& run) {
  return transfer_up(run, run.argument("SANDBOX"), run.argument("LOCAL"), run.argument("REMOTE"));
}

int download_file(Invocation& run) {
  return transfer_down(run, run.argument("SANDBOX"), run.argument("REMOTE"), run.argument("LOCAL"));
}

// "Removed /a, /b".
void done_with(Invocation& run, const std::string& verb, const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) all += (all.empty() ? "" : ", ") + path;
  run.output().done(verb + " " + all, {{"paths", list_model(paths)}});
}

int remove(Invocation& run) {
  open_sandbox(run).files().remove(run.arguments("PATH"));
  done_with(run, "Removed", run.arguments("PATH"));
  return 0;
}

int move(Invocation& run) {
  std::string from = run.argument("FROM"), to = run.argument("TO");
  open_sandbox(run).files().move({{from, to}});
  run.output().done("Moved " + from + " to " + to, {{"source", from}, {"destination", to}});
  return 0;
}

int mkdir(Invocation& run) {
  open_sandbox(run).files().make_directories(run.arguments("PATH"), permissions(run, 755));
  done_with(run, "Made", run.arguments("PATH"));
  return 0;
}

int rmdir(Invocation& run) {
  open_sandbox(run).files().remove_directories(run.arguments("PATH"));
  done_with(run, "Removed", run.arguments("PATH"));
  return 0;
}

int search(Invocation& run) {
  print_files(run, open_sandbox(run).files().search(run.argument("PATH"), run.required("pattern")),
              "No file fits.");
  return 0;
}

int list(Invocation& run) {
  auto depth = static_cast<int>(run.number("depth", 1, 1000).value_or(1));
  std::string path = run.argument("PATH");
  print_files(run, open_sandbox(run).files().list(path.empty() ? "." : path, depth),
              "The directory is empty.");
  return 0;
}

int info(Invocation& run) {
  std::vector<FileInfo> files;
  for (auto& [path, file] : open_sandbox(run).files().infos(run.arguments("PATH"))) files.push_back(file);
  print_files(run, files, "");
  return 0;
}

int chmod(Invocation& run) {
  std::string path = run.argument("PATH");
  run.required("mode");
  open_sandbox(run).files().set_permissions({{path, permissions(run, 755)}});
  run.output().done("Changed " + path, {{"path", path}});
  return 0;
}

int replace(Invocation& run) {
  std::string path = run.argument("PATH");
  auto counts = open_sandbox(run).files().replace({{path, run.required("old"), run.required("new")}});
  int64_t count = counts.empty() ? 0 : counts.begin()->second;
  run.output().done("Replaced " + std::to_string(count) + " in " + path,
                    {{"path", path}, {"replaced_count", count}});
  return 0;
}

std::string change_line(const opensandbox::FileChange& change) {
  std::string line =
      change.type + " " + (change.path.empty() ? change.from + " -> " + change.to : change.path);
  return line + (change.reason.empty() ? "" : " (" + change.reason + ")") + "\n";
}

json::Object change_model(const opensandbox::FileChange& change) {
  json::Object out{{"type", change.type}, {"timestamp", change.timestamp}, {"directory", change.directory}};
  for (const auto& [key, value] : {std::pair<const char*, std::string>{"path", change.path},
                                   {"from", change.from},
                                   {"to", change.to},
                                   {"reason", change.reason}})
    if (!value.empty()) out[key] = value;
  return out;
}

int watch(Invocation& run) {
  Interrupts interrupts;
  auto changes =
      open_sandbox(run).files().watch(run.argument("PATH"), run.flag("recursive"), interrupts.token());
  while (!changes.ended()) {
    auto change = changes.next(opensandbox::Milliseconds::max(), interrupts.token());
    if (!change) continue;
    bool structured = run.output().format() == Format::json;
    run.output().text(structured ? json::serialize(change_model(*change)) + "\n" : change_line(*change));
  }
  return 0;
}

constexpr Argument kPath[] = {{"SANDBOX", "Id of the sandbox"}, {"PATH", "Path in the sandbox"}};
constexpr Argument kMaybePath[] = {{"SANDBOX", "Id of the sandbox"},
                                   {"PATH", "Directory in the sandbox", Count::optional}};
constexpr Argument kPaths[] = {{"SANDBOX", "Id of the sandbox"},
                               {"PATH", "Paths in the sandbox", Count::some}};
constexpr Argument kUp[] = {
    {"SANDBOX", "Id of the sandbox"}, {"LOCAL", "File or directory here"}, {"REMOTE", "Path in the sandbox"}};
constexpr Argument kDown[] = {
    {"SANDBOX", "Id of the sandbox"}, {"REMOTE", "Path in the sandbox"}, {"LOCAL", "Where to, here"}};
constexpr Argument kFromTo[] = {
    {"SANDBOX", "Id of the sandbox"}, {"FROM", "Path that is there"}, {"TO", "Path that is free"}};

constexpr Option kMode{"--mode", "MODE", "Such as 644 or 0755"};
constexpr Option kOwner{"--owner", "USER", "Name or number"};
constexpr Option kGroup{"--group", "GROUP", "Name or number"};
constexpr Option kEncoding{"--encoding", "NAME", "utf-8: bytes go as they stand"};
constexpr Option kCatOptions[] = {kEncoding};
constexpr Option kWriteOptions[] = {
    {"-c,--content", "TEXT", "What to write; default: standard input"}, kEncoding, kMode, kOwner, kGroup};
constexpr Option kModeOptions[] = {kMode, kOwner, kGroup};
constexpr Option kSearchOptions[] = {{"-p,--pattern", "GLOB", "Such as '*.py' or '**/*.txt'"}};
constexpr Option kListOptions[] = {{"--depth", "N", "Levels (1)"}};
constexpr Option kReplaceOptions[] = {{"--old", "TEXT", "What to look for"},
                                      {"--new", "TEXT", "What to put there"}};
constexpr Option kWatchOptions[] = {{"-r,--recursive", "", "Everything below, too"}};

const Command kCat{.name = "cat",
                   .summary = "Print a file, byte for byte",
                   .outputs = "raw",
                   .arguments = kPath,
                   .options = kCatOptions,
                   .run = cat};
const Command kWrite{.name = "write",
                     .summary = "Write a file from --content or standard input",
                     .outputs = kFormats,
                     .arguments = kPath,
                     .options = kWriteOptions,
                     .run = write};
const Command kUpload{.name = "upload",
                      .summary = "Copy a file or directory into a sandbox",
                      .outputs = kFormats,
                      .arguments = kUp,
                      .run = upload_file};
const Command kDownload{.name = "download",
                        .summary = "Copy a file or directory out of a sandbox",
                        .outputs = kFormats,
                        .arguments = kDown,
                        .run = download_file};
const Command kRemove{
    .name = "rm", .summary = "Remove files", .outputs = kFormats, .arguments = kPaths, .run = remove};
const Command kMove{.name = "mv",
                    .summary = "Move a file or directory",
                    .outputs = kFormats,
                    .arguments = kFromTo,
                    .run = move};
const Command kMkdir{.name = "mkdir",
                     .summary = "Make directories with their parents",
                     .outputs = kFormats,
                     .arguments = kPaths,
                     .options = kModeOptions,
                     .run = mkdir};
const Command kRmdir{.name = "rmdir",
                     .summary = "Remove directories with all that is in them",
                     .outputs = kFormats,
                     .arguments = kPaths,
                     .run = rmdir};
const Command kSearch{.name = "search",
                      .summary = "Find files by name",
                      .outputs = kFormats,
                      .arguments = kPath,
                      .options = kSearchOptions,
                      .run = search};
const Command kList{.name = "ls",
                    .summary = "List a directory",
                    .outputs = kFormats,
                    .arguments = kMaybePath,
                    .options = kListOptions,
                    .run = list};
const Command kInfo{
    .name = "info", .summary = "Show what files are", .outputs = kFormats, .arguments = kPaths, .run = info};
const Command kChmod{.name = "chmod",
                     .summary = "Set mode and owner",
                     .outputs = kFormats,
                     .arguments = kPath,
                     .options = kModeOptions,
                     .run = chmod};
const Command kReplace{.name = "replace",
                       .summary = "Replace each occurrence of a text in a file",
                       .outputs = kFormats,
                       .arguments = kPath,
                       .options = kReplaceOptions,
                       .run = replace};
const Command kWatch{.name = "watch",
                     .summary = "Print changes of a file or directory until Ctrl-C",
                     .outputs = "raw|json",
                     .arguments = kPath,
                     .options = kWatchOptions,
                     .run = watch};
const Command* const kChildren[] = {&kCat,   &kWrite, &kUpload, &kDownload, &kList,  &kRemove,  &kMove,
                                    &kMkdir, &kRmdir, &kSearch, &kInfo,     &kChmod, &kReplace, &kWatch};

}  // namespace

const Command kFileCommand{
    .name = "file", .summary = "Files and directories of a sandbox", .children = kChildren};

}  // namespace osb::cli
