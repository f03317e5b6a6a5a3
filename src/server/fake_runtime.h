// A runtime made of memory, for tests of the server. Operations can be held up, made to fail, and counted.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "net/timer.h"
#include "runtime/runtime.h"

namespace osb::server {

class FakeRuntime : public runtime::Runtime {
 public:
  explicit FakeRuntime(net::asio::any_io_executor executor) : gate_(std::move(executor)) {}

  std::string_view name() const override { return "fake"; }
  std::string_view isolation() const override { return "none"; }

  net::task<> start() override {
    co_await pass();
    if (failed_starts > 0) {
      failed_starts--;
      throw Error(ErrorCode::unavailable, "the launcher does not answer");
    }
  }

  runtime::Image resolve_image(const std::string& requested) override {
    if (requested == "base:latest" || requested == "host") return {.name = requested};
    if (requested == "alias") return {.name = "host", .alias_of_request = requested};
    throw Error(ErrorCode::not_found, "there is no image " + requested + "; there are: base:latest, host",
                "NATIVE::IMAGE_NOT_FOUND");
  }

  std::vector<runtime::ImageEntry> images() override {
    std::vector<runtime::ImageEntry> out{{.name = "host"}, {.name = "tool:latest", .alias_of = "host"}};
    for (const auto& [name, content] : stored)
      out.push_back({.name = name,
                     .size = static_cast<int64_t>(content.size()),
                     .created_at = "2026-01-02T03:04:05.000000Z"});
    return out;
  }
  std::string image_name(const std::string& requested) const override {
    if (requested.empty() || requested.find("..") != requested.npos)
      throw Error(ErrorCode::invalid, "bad image name " + requested, "IMAGE::INVALID_NAME");
    return requested == "host" || requested.find(':') != requested.npos ? requested : requested + ":latest";
  }
  net::task<runtime::ImageEntry> store_image(runtime::ImageUpload upload) override {
    uploads.push_back({.name = upload.name, .replace = upload.replace, .max_bytes = upload.max_bytes});
    std::string content(store_takes, '\0');
    size_t used = 0;
    for (size_t count = 1; count > 0 && used < store_takes; used += count)
      count =
          co_await upload.read(std::span(content).subspan(used, std::min<size_t>(store_takes - used, 1000)));
    co_await pass();
    if (store_failure) throw *store_failure;
    stored[upload.name] = content.substr(0, used);
    co_return runtime::ImageEntry{.name = upload.name, .size = static_cast<int64_t>(used)};
  }
  net::task<> remove_image(std::string name) override {
    co_await pass();
    if (store_failure) throw *store_failure;
    if (stored.erase(name) == 0)
      throw Error(ErrorCode::not_found, "removing image " + name + ": there is none");
  }

  net::task<runtime::Sandbox> create(runtime::SandboxSpec spec) override {
    runtime::Sandbox sandbox{.id = spec.id, .address = address};
    specs.push_back(spec);
    co_await pass();
    if (create_failure) throw *create_failure;
    if (end_at_once) {
      runtime::Sandbox ended = sandbox;
      ended.state = runtime::State::exited;
      ended.exit_code = *end_at_once;
      ended.exit_reason = "exit status " + std::to_string(*end_at_once);
      held[spec.id] = ended;
      if (listener_) listener_(ended);
    } else {
      held[spec.id] = sandbox;
    }
    co_return sandbox;
  }
  net::task<> destroy(std::string id) override {
    destroyed.push_back(id);
    co_await pass();
    if (destroy_failures > 0) {
      destroy_failures--;
      throw Error(ErrorCode::internal, "removing a mount: busy");
    }
    held.erase(id);
  }
  net::task<> pause(std::string id) override { return change(std::move(id), runtime::State::paused); }
  net::task<> resume(std::string id) override { return change(std::move(id), runtime::State::running); }
  net::task<std::vector<runtime::Sandbox>> list() override {
    std::vector<runtime::Sandbox> out;
    for (const auto& [id, sandbox] : held) out.push_back(sandbox);
    co_return out;
  }
  void on_exit(std::function<void(const runtime::Sandbox&)> listener) override {
    listener_ = std::move(listener);
  }

  // The sandbox ends by itself, or with its launcher (no code).
  void end(const std::string& id, std::optional<int> code, std::string reason) {
    runtime::Sandbox& sandbox = held.at(id);
    sandbox.state = runtime::State::exited;
    sandbox.exit_code = code;
    sandbox.exit_reason = std::move(reason);
    if (listener_) listener_(sandbox);
  }

  void close_gate() { closed_ = true; }
  void open_gate() {
    closed_ = false;
    gate_.notify();
  }
  // Coroutines that wait at the gate.
  int waiting = 0;

  std::map<std::string, runtime::Sandbox> held;
  std::deque<runtime::SandboxSpec> specs;  // of every create()
  std::vector<std::string> destroyed;
  std::string address = "127.0.0.1";
  std::optional<Error> create_failure;
  std::optional<Error> change_failure;
  std::optional<int> end_at_once;
  std::map<std::string, std::string> stored;  // images: archives by name
  std::deque<runtime::ImageUpload> uploads;   // of every store_image(), without their sources
  size_t store_takes = 1 << 20;               // bytes read of an archive at most
  std::optional<Error> store_failure;
  int destroy_failures = 0;
  int failed_starts = 0;

 private:
  net::task<> pass() {
    while (closed_) {
      waiting++;
      co_await gate_.wait_for(std::chrono::seconds(20));
      waiting--;
    }
  }
  net::task<> change(std::string id, runtime::State state) {
    co_await pass();
    if (change_failure) throw *change_failure;
    auto found = held.find(id);
    if (found == held.end()) throw Error(ErrorCode::not_found, "no such sandbox");
    found->second.state = state;
  }

  net::Event gate_;
  bool closed_ = false;
  std::function<void(const runtime::Sandbox&)> listener_;
};

}  // namespace osb::server
