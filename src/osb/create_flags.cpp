#include "osb/create_flags.h"

#include <string.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "osb/duration_words.h"
#include "osb/problem.h"
#include "osb/request_file.h"

namespace osb::cli {

namespace {

using opensandbox::CreateOptions;

opensandbox::StringMap map_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  opensandbox::StringMap map;
  for (const auto& [key, value] : pairs) map[key] = value;
  return map;
}

void read_auth(Invocation& run, CreateOptions& out) {
  auto name = run.option("image-auth-username"), password = run.option("image-auth-password");
  if (name.has_value() != password.has_value())
    throw UsageProblem("--image-auth-username and --image-auth-password belong together");
  if (name) out.image_auth = opensandbox::ImageAuth{*name, *password};
}

void read_files(Invocation& run, CreateOptions& out) {
  if (auto path = run.option("network-policy-file")) out.network_policy = policy_of(read_json_file(*path));
  if (auto path = run.option("volumes-file")) out.volumes = volumes_of(read_json_file(*path));
  out.credential_proxy = run.flag("credential-proxy");
  if (out.credential_proxy && !out.network_policy)
    throw UsageProblem("--credential-proxy needs --network-policy-file");
}

void refuse_beside(Invocation& run, std::string_view what, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys)
    if (run.line().has(key))
      throw UsageProblem("--" + std::string(key) + " does not go with " + std::string(what));
}

void read_source(Invocation& run, CreateOptions& out, const std::string& image) {
  out.template_id = run.option("template").value_or("");
  out.snapshot_id = run.option("snapshot-id").value_or("");
  int named = !image.empty() + !out.template_id.empty() + !out.snapshot_id.empty();
  if (named > 1) throw UsageProblem("an image, --template and --snapshot-id exclude each other");
  if (named == 0) out.image = run.settings().image.value;
  if (!image.empty()) out.image = image;
  if (named == 0 && out.image.empty())
    throw UsageProblem("no image is named", "--image host, or osb config set defaults.image host");
  if (out.template_id.empty()) return;
  refuse_beside(run, "--template",
                {"image-auth-username", "image-auth-password", "env", "resource", "entrypoint",
                 "volumes-file", "credential-proxy"});
  if (!run.option("timeout") || run.option("timeout") == "none")
    throw UsageProblem("--template needs --timeout DURATION");
}

void read_life(Invocation& run, CreateOptions& out) {
  std::string text = run.option("timeout").value_or(run.settings().timeout.value);
  auto life = read_duration_or_none("--timeout", text);
  out.timeout.reset();
  if (life) out.timeout = std::chrono::ceil<opensandbox::Seconds>(*life);
}

void read_readiness(Invocation& run, CreateOptions& out) {
  out.readiness.skip = run.flag("skip-health-check");
  if (auto text = run.option("ready-timeout"))
    out.readiness.timeout = read_duration("--ready-timeout", *text);
}

}  // namespace

CreateOptions create_options(Invocation& run, const std::string& image) {
  CreateOptions out;
  if (auto path = run.option("file")) {
    refuse_beside(run, "--file",
                  {"image", "template", "snapshot-id", "timeout", "env", "metadata", "extension", "resource",
                   "entrypoint", "image-auth-username", "image-auth-password", "network-policy-file",
                   "credential-proxy", "volumes-file"});
    out = create_options_of(read_json_file(*path));
    read_readiness(run, out);
    return out;
  }
  read_source(run, out, image);
  read_life(run, out);
  out.env = map_of(run.pairs("env"));
  out.metadata = map_of(run.pairs("metadata"));
  out.extensions = map_of(run.pairs("extension"));
  for (const auto& [key, value] : run.pairs("resource")) out.resources[key] = value;
  out.entrypoint = run.options("entrypoint");
  read_auth(run, out);
  read_files(run, out);
  read_readiness(run, out);
  return out;
}

std::string read_file(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file && !file.eof()) throw Problem("FILE", "reading " + path + ": " + ::strerror(errno));
  return text;
}

json::Value read_json_file(const std::string& path) {
  try {
    return json::parse(read_file(path));
  } catch (const Error& error) {
    throw Problem("INVALID_FILE", "reading " + path + ": " + error.message());
  }
}

}  // namespace osb::cli
