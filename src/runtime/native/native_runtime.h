// The runtime of this machine: sandboxes made by the launcher, reached over its socket. Holds no privilege
// itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "runtime/native/image_resolver.h"
#include "runtime/native/launcher_link.h"
#include "runtime/runtime.h"

namespace osb::runtime {

struct NativeOptions {
  LinkOptions link;
  Fd images;                                   // directory of the image store, opened while it could be
  std::map<std::string, std::string> aliases;  // requested image → local image
  bool strip_line_terminators = false;
  Fd keep_until_connected;  // closed at the first connection: keeps an idle launcher from leaving in between
  std::chrono::milliseconds start_limit{15'000};
  std::chrono::milliseconds create_limit{30'000};
  std::chrono::milliseconds call_limit{20'000};
  std::chrono::milliseconds image_limit{900'000};  // of a step, writing a large image to disk included
};

class NativeRuntime final : public Runtime {
 public:
  NativeRuntime(net::asio::any_io_executor executor, NativeOptions options);
  ~NativeRuntime() override;

  std::string_view name() const override { return "native"; }
  std::string_view isolation() const override { return "namespace"; }
  net::task<> start() override;
  Image resolve_image(const std::string& requested) override { return images_.resolve(requested); }
  std::vector<ImageEntry> images() override { return images_.list(); }
  std::string image_name(const std::string& requested) const override;
  net::task<ImageEntry> store_image(ImageUpload upload) override;
  net::task<> remove_image(std::string name) override;
  // on_exit() for a sandbox never comes before its create() has returned to the caller.
  net::task<Sandbox> create(SandboxSpec spec) override;
  net::task<> destroy(std::string id) override;
  net::task<> pause(std::string id) override;
  net::task<> resume(std::string id) override;
  net::task<std::vector<Sandbox>> list() override;
  void on_exit(std::function<void(const Sandbox&)> listener) override { listener_ = std::move(listener); }

 private:
  // While one of these exists for a sandbox, its exit is kept back.
  class Silence;
  struct KeptBack {
    int holders = 0;
    std::optional<Sandbox> exit;
  };

  launcher::CreateRequest create_request(const SandboxSpec& spec) const;
  void synchronise(const std::vector<launcher::SandboxInfo>& all, bool new_launcher);
  void note_exit(const launcher::SandboxInfo& info);
  void report(const Sandbox& sandbox);

  net::asio::any_io_executor executor_;
  NativeOptions options_;
  ImageResolver images_;
  std::shared_ptr<LauncherLink> link_;
  std::function<void(const Sandbox&)> listener_;
  std::map<std::string, Sandbox> live_;  // not yet reported as exited
  std::map<std::string, KeptBack> kept_back_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what the loop still holds when we go
};

}  // namespace osb::runtime
