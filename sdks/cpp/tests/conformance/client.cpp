// Carries out one call of a conformance scenario (tests/conformance/clients/README.md) by the public
// interface and tells its outcome. A call, or a member of one, that is not known here is an error of this
// program, so that no scenario passes without being played.
#include <openssl/evp.h>

#include <iostream>
#include <iterator>

#include "conformance/call.h"
#include "conformance/outcome.h"

namespace opensandbox::conformance {
namespace {

// -- without a sandbox

Value create(const ConnectionConfig& config, Call& call) {
  CreateOptions options{
      .image = call.text("image"), .env = call.map("env"), .metadata = call.map("metadata")};
  if (call.find("entrypoint")) options.entrypoint = call.texts("entrypoint");
  if (call.find("resource")) options.resources = call.map("resource");
  bool given = call.has("timeout_s");
  auto seconds = call.maybe<int64_t>("timeout_s");
  if (given) options.timeout = seconds ? std::optional(Seconds(*seconds)) : std::nullopt;
  call.check_all_read();
  return Object{{"id", Sandbox::create(options, config).id()}};
}

Value get_info(const ConnectionConfig& config, Call& call) {
  std::string id = call.get<std::string>("id", "box");
  call.check_all_read();
  return told(Manager(config).get(id));
}

Value list(const ConnectionConfig& config, Call& call) {
  SandboxFilter filter{call.texts("states"), call.map("metadata"), call.maybe<int>("page"),
                       call.maybe<int>("page_size")};
  call.check_all_read();
  SandboxPage page = Manager(config).list(filter);
  Array ids;
  for (const SandboxInfo& info : page.items) ids.push_back(Value(info.id));
  return Object{{"ids", ids}, {"total", page.page.items}};
}

// -- with the sandbox `box`

Value run_command(Sandbox& box, Call& call) {
  RunOptions options{.background = call.get("background", false),
                     .working_directory = call.get<std::string>("cwd", ""),
                     .timeout = {},
                     .env = call.map("env"),
                     .uid = call.maybe<uint32_t>("uid"),
                     .gid = call.maybe<uint32_t>("gid")};
  if (auto limit = call.maybe<int64_t>("timeout_ms")) options.timeout = Milliseconds(*limit);
  auto argv = call.texts("argv");
  if (!argv.empty()) return call.check_all_read(), told(box.commands().run(argv, options));
  std::string command = call.text("command");
  call.check_all_read();
  return told(box.commands().run(command, options));
}

Value run_code(Sandbox& box, Call& call) {
  std::string code = call.text("code"), language = call.text("language");
  call.check_all_read();
  return told(box.codes().run(code, {.language = language}));
}

Value create_context(Sandbox& box, Call& call) {
  std::string language = call.text("language");
  call.check_all_read();
  CodeContext context = box.codes().create_context(language);
  return Object{{"id", context.id}, {"language", context.language}};
}

Value interrupt(Sandbox& box, Call& call) {
  std::string id = call.text("id");
  call.check_all_read();
  box.commands().interrupt(id);
  return kDone;
}

Value read_file(Sandbox& box, Call& call) {
  ReadOptions options;
  options.first_line = call.maybe<uint64_t>("offset");
  options.lines = call.maybe<uint64_t>("limit");
  std::string path = call.text("path");
  call.check_all_read();
  return Object{{"content", told(box.files().read(path, options))}};
}

// "bytes=FIRST-LAST" as it is in the header.
ReadOptions range(const std::string& header) {
  size_t equals = header.find('='), dash = header.find('-');
  if (header.substr(0, equals) != "bytes" || dash == header.npos)
    throw std::runtime_error("range: " + header);
  ReadOptions options;
  options.first_byte = std::stoull(header.substr(equals + 1));
  if (dash + 1 < header.size()) options.last_byte = std::stoull(header.substr(dash + 1));
  return options;
}

Value read_bytes(Sandbox& box, Call& call) {
  std::string path = call.text("path");
  auto header = call.maybe<std::string>("range");
  call.check_all_read();
  return Object{{"base64", base64(box.files().read(path, header ? range(*header) : ReadOptions{}))}};
}

std::string from_base64(const std::string& text) {
  std::string bytes(text.size(), '\0');
  int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) throw std::runtime_error("no base64: " + text);
  size_t padding = text.size() - std::min(text.find('='), text.size());
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

FileWrite file_of(const Value& value) {
  Call file(value.as_object());
  FileWrite write{.path = file.text("path"), .data = {}};
  auto encoded = file.maybe<std::string>("base64");
  write.data = encoded ? from_base64(*encoded) : file.text("data");
  write.permissions = {file.get("mode", 755), file.get<std::string>("owner", ""),
                       file.get<std::string>("group", "")};
  file.check_all_read();
  return write;
}

Value write_files(Sandbox& box, Call& call) {
  std::vector<FileWrite> entries;
  for (const Value& file : call.get<std::vector<Value>>("files", {})) entries.push_back(file_of(file));
  call.check_all_read();
  box.files().write(std::move(entries));
  return kDone;
}

Value file_info(Sandbox& box, Call& call) {
  auto paths = call.texts("paths");
  call.check_all_read();
  Object files;
  for (const auto& [path, info] : box.files().infos(paths))
    files[path] = Object{{"size", info.size}, {"mode", info.mode}};
  return Object{{"files", files}};
}

Value delete_files(Sandbox& box, Call& call) {
  auto paths = call.texts("paths");
  call.check_all_read();
  box.files().remove(paths);
  return kDone;
}

Value move(Sandbox& box, Call& call) {
  std::vector<Move> moves;
  for (const auto& pair : call.get<std::vector<std::vector<std::string>>>("moves", {}))
    moves.push_back({pair.at(0), pair.at(1)});
  call.check_all_read();
  box.files().move(moves);
  return kDone;
}

Value search(Sandbox& box, Call& call) {
  std::string path = call.text("path"), pattern = call.text("pattern");
  call.check_all_read();
  Array paths;
  for (const FileInfo& info : box.files().search(path, pattern)) paths.push_back(Value(info.path));
  return Object{{"paths", paths}};
}

Value patch_metadata(Sandbox& box, Call& call) {
  auto patch = call.get<MetadataPatch>("patch", {});
  call.check_all_read();
  return told(box.patch_metadata(patch));
}

Value kill(Sandbox& box, Call& call) {
  call.check_all_read();
  box.kill();
  return kDone;
}

Value pause(Sandbox& box, Call& call) {
  call.check_all_read();
  box.pause();
  return kDone;
}

Value endpoint(Sandbox& box, Call& call) {
  auto port = call.get<uint16_t>("port", 0);
  call.check_all_read();
  Endpoint found = box.endpoint(port);
  return Object{{"endpoint", found.address}, {"headers", osb::json::write(found.headers)}};
}

const std::map<std::string, WithConfig> kWithConfig{
    {"create", create}, {"get_info", get_info}, {"list", list}};
const std::map<std::string, WithSandbox> kWithSandbox{{"run_command", run_command},
                                                      {"run_code", run_code},
                                                      {"create_context", create_context},
                                                      {"interrupt", interrupt},
                                                      {"read_file", read_file},
                                                      {"read_bytes", read_bytes},
                                                      {"write_files", write_files},
                                                      {"file_info", file_info},
                                                      {"delete_files", delete_files},
                                                      {"move", move},
                                                      {"search", search},
                                                      {"patch_metadata", patch_metadata},
                                                      {"kill", kill},
                                                      {"pause", pause},
                                                      {"endpoint", endpoint}};

ConnectionConfig config_for(const std::string& address, Call& call) {
  ConnectionConfig config;
  config.domain = address;
  config.api_key = "key-of-tenant";
  config.request_timeout = Milliseconds(call.get<int64_t>("request_timeout_ms", 30'000));
  config.retries.max_retries = call.get("retries", 0);
  config.retries.first_pause = config.retries.longest_pause = Milliseconds(1);
  return config;
}

Value carry_out(const std::string& address, Call call) {
  ConnectionConfig config = config_for(address, call);
  std::string name = call.text("do");
  try {
    for (const auto* calls : {&kWithConfig, &kTemplateCalls})
      if (auto found = calls->find(name); found != calls->end()) return found->second(config, call);
    const auto& calls = name.starts_with("isolated_") ? kIsolatedCalls : kWithSandbox;
    WithSandbox work = calls.at(name);
    Sandbox box = Sandbox::connect("box", config, {.skip = true});
    return work(box, call);
  } catch (const Error& error) {
    return told(error);
  }
}

}  // namespace
}  // namespace opensandbox::conformance

int main(int, char** arguments) {
  using namespace opensandbox::conformance;
  std::string input(std::istreambuf_iterator<char>(std::cin), {});
  try {
    std::cout << osb::json::serialize(carry_out(arguments[1], Call(osb::json::parse(input).as_object())));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
