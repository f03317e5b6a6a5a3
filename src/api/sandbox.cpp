#include "api/sandbox.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/json_text.h"

namespace osb::api {

namespace {

constexpr std::array<std::string_view, 6> kStates = {"Pending",  "Running",    "Paused",
                                                     "Stopping", "Terminated", "Failed"};

// Writes one JSON object member by member.
class ObjectText {
 public:
  void raw(std::string_view name, std::string_view json) {
    out_ += out_.empty() ? "{" : ",";
    append_json_string(out_, name);
    out_ += ':';
    out_ += json;
  }
  void text(std::string_view name, std::string_view value) { raw(name, json_string(value)); }
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  template <class T>
  void value_if(std::string_view name, const T& container) {
    if (!container.empty()) raw(name, json::serialize(json::write(container)));
  }
  void time(std::string_view name, TimePoint value) { text(name, rfc3339_micros(value)); }
  std::string finish() { return (out_.empty() ? "{" : std::move(out_)) + "}"; }

 private:
  std::string out_;
};

std::string status_json(const SandboxStatus& status) {
  ObjectText out;
  out.text("state", to_string(status.state));
  out.text_if("reason", status.reason);
  out.text_if("message", status.message);
  out.time("lastTransitionAt", status.last_transition_at);
  return out.finish();
}

void add_platform(ObjectText& out, const Sandbox& sandbox) {
  if (!sandbox.platform) return;
  ObjectText platform;
  platform.text("os", sandbox.platform->os);
  platform.text("arch", sandbox.platform->arch);
  out.raw("platform", platform.finish());
}

}  // namespace

std::string_view to_string(SandboxState state) { return kStates.at(static_cast<size_t>(state)); }

std::optional<SandboxState> parse_state(std::string_view text) {
  auto same = [&](std::string_view name) {
    return std::equal(name.begin(), name.end(), text.begin(), text.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  for (size_t i = 0; i < kStates.size(); i++)
    if (same(kStates[i])) return static_cast<SandboxState>(i);
  return std::nullopt;
}

std::string sandbox_json(const Sandbox& sandbox) {
  ObjectText out;
  out.text("id", sandbox.id);
  if (!sandbox.image.empty()) {
    ObjectText image;
    image.text("uri", sandbox.image);
    out.raw("image", image.finish());
  }
  add_platform(out, sandbox);
  out.raw("status", status_json(sandbox.status));
  out.value_if("metadata", sandbox.metadata);
  out.value_if("extensions", sandbox.extensions);
  out.value_if("entrypoint", sandbox.entrypoint);
  if (sandbox.expires_at) out.time("expiresAt", *sandbox.expires_at);
  out.time("createdAt", sandbox.created_at);
  return out.finish();
}

std::string created_json(const Sandbox& sandbox) {
  ObjectText out;
  out.text("id", sandbox.id);
  out.raw("status", status_json(sandbox.status));
  out.value_if("metadata", sandbox.metadata);
  out.value_if("extensions", sandbox.extensions);
  add_platform(out, sandbox);
  if (sandbox.expires_at) out.time("expiresAt", *sandbox.expires_at);
  out.time("createdAt", sandbox.created_at);
  out.value_if("entrypoint", sandbox.entrypoint);
  return out.finish();
}

std::string pagination_json(const Page& page) {
  int64_t pages = page.total == 0 ? 0 : (page.total - 1) / page.page_size + 1;
  ObjectText out;
  out.raw("page", std::to_string(page.page));
  out.raw("pageSize", std::to_string(page.page_size));
  out.raw("totalItems", std::to_string(page.total));
  out.raw("totalPages", std::to_string(pages));
  out.raw("hasNextPage", page.page < pages ? "true" : "false");
  return out.finish();
}

}  // namespace osb::api
