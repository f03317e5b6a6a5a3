#include "runtime/native/native_runtime.h"

#include <boost/asio/post.hpp>

#include "api/boot.h"
#include "base/defer.h"
#include "base/log.h"
#include "launcher/image_name.h"
#include "runtime/native/image_channel.h"

namespace osb::runtime {

namespace {

using namespace std::chrono_literals;

constexpr int kUndoAttempts = 20;

State state_of(launcher::SandboxState state) {
  switch (state) {
    case launcher::SandboxState::running:
      return State::running;
    case launcher::SandboxState::paused:
      return State::paused;
    case launcher::SandboxState::exited:
      return State::exited;
  }
  return State::exited;
}

Sandbox sandbox_of(const launcher::SandboxInfo& info) {
  Sandbox sandbox{.id = info.id, .state = state_of(info.state), .address = info.address};
  if (sandbox.state == State::exited) {
    if (info.exit_code >= 0) sandbox.exit_code = info.exit_code;
    sandbox.exit_reason = info.exit_reason;
  }
  return sandbox;
}

Sandbox lost(Sandbox sandbox, std::string reason) {
  sandbox.state = State::exited;
  sandbox.exit_reason = std::move(reason);
  return sandbox;
}

void refuse_reserved(const std::string& name) {
  if (launcher::normalise_image_name(name) == launcher::kHostImage)
    throw Error(ErrorCode::conflict,
                "the image name \"host\" is reserved: it means this machine's own programs",
                "IMAGE::RESERVED");
}

// A create whose answer never came may have made its sandbox after all.
net::task<> undo_create(std::shared_ptr<LauncherLink> link, std::string id, std::chrono::milliseconds limit) {
  for (int attempt = 0; attempt < kUndoAttempts; ++attempt) {
    try {
      co_await link->call(launcher::DestroyRequest{id}, limit);
      co_return;
    } catch (const Error& error) {
      log_warn("a sandbox whose create failed is not destroyed yet",
               {{"sandbox", id}, {"error", error.message()}});
    }
    co_await net::sleep_for(1s);
  }
}

}  // namespace

// Leaving it reports what was kept back, unless the caller made that pointless.
class NativeRuntime::Silence {
 public:
  Silence(NativeRuntime& runtime, std::string id)
      : runtime_(runtime), alive_(runtime.alive_), id_(std::move(id)) {
    ++runtime_.kept_back_[id_].holders;
  }
  ~Silence() {
    if (!*alive_) return;
    auto kept = runtime_.kept_back_.find(id_);
    if (--kept->second.holders > 0) return;
    std::optional<Sandbox> exit = std::move(kept->second.exit);
    runtime_.kept_back_.erase(kept);
    if (exit && runtime_.live_.erase(id_) > 0) runtime_.report(*exit);
  }
  Silence(const Silence&) = delete;

 private:
  NativeRuntime& runtime_;
  std::shared_ptr<bool> alive_;
  std::string id_;
};

NativeRuntime::NativeRuntime(net::asio::any_io_executor executor, NativeOptions options)
    : executor_(executor),
      options_(std::move(options)),
      images_(launcher::ImageStore(std::move(options_.images)), options_.aliases),
      link_(std::make_shared<LauncherLink>(executor, std::move(options_.link))) {
  link_->on_sync = [this](const std::vector<launcher::SandboxInfo>& all, bool fresh) {
    synchronise(all, fresh);
  };
  link_->on_exit = [this](const launcher::SandboxInfo& info) { note_exit(info); };
}

NativeRuntime::~NativeRuntime() {
  *alive_ = false;
  link_->stop();
}

net::task<> NativeRuntime::start() {
  link_->start();
  if (!co_await link_->wait_connected(options_.start_limit))
    throw Error(ErrorCode::unavailable, "starting the native runtime: the launcher does not answer");
}

void NativeRuntime::synchronise(const std::vector<launcher::SandboxInfo>& all, bool new_launcher) {
  options_.keep_until_connected.reset();
  std::map<std::string, Sandbox> before = std::exchange(live_, {});
  for (const launcher::SandboxInfo& info : all) {
    auto known = before.find(info.id);
    if (info.state != launcher::SandboxState::exited) {
      live_[info.id] = sandbox_of(info);
      if (known != before.end()) before.erase(known);
    } else if (known != before.end()) {  // it ended while nobody listened
      before.erase(known);
      report(sandbox_of(info));
    }
  }
  for (auto& [id, sandbox] : before)
    report(lost(sandbox, new_launcher ? "the launcher died" : "the launcher lost it"));
}

void NativeRuntime::note_exit(const launcher::SandboxInfo& info) {
  if (auto kept = kept_back_.find(info.id); kept != kept_back_.end()) {
    kept->second.exit = sandbox_of(info);
  } else if (live_.erase(info.id) > 0) {
    report(sandbox_of(info));
  }
}

// Through the queue of the loop: whatever is being resumed now (the caller of create()) runs first.
void NativeRuntime::report(const Sandbox& sandbox) {
  net::asio::post(executor_, [this, alive = alive_, sandbox] {
    if (*alive && listener_) listener_(sandbox);
  });
}

launcher::CreateRequest NativeRuntime::create_request(const SandboxSpec& spec) const {
  api::BootConfig boot{.sandbox_id = spec.id,
                       .access_token = spec.access_token,
                       .entrypoint = spec.entrypoint.empty() ? spec.image.entrypoint : spec.entrypoint,
                       .env = sandbox_environment(spec),
                       .cwd = spec.image.working_directory,
                       .cpu_millis = spec.limits.cpu_millis,
                       .memory_bytes = spec.limits.memory_bytes,
                       .strip_line_terminators = options_.strip_line_terminators};
  launcher::CreateRequest request{.id = spec.id,
                                  .image = launcher_image(spec.image),
                                  .boot = api::serialize_boot_config(boot),
                                  .cpu_millis = spec.limits.cpu_millis.value_or(0),
                                  .memory_bytes = spec.limits.memory_bytes.value_or(0),
                                  .pids = spec.limits.pids};
  if (request.boot.size() > launcher::kMaxPacket - 1024)
    throw Error(ErrorCode::too_large,
                "creating a sandbox: entrypoint and environment are larger than 127 KiB");
  return request;
}

net::task<Sandbox> NativeRuntime::create(SandboxSpec spec) {
  launcher::CreateRequest request = create_request(spec);
  Silence silence(*this, spec.id);
  try {
    launcher::ReplyBody body = co_await link_->call(std::move(request), options_.create_limit);
    auto* reply = std::get_if<launcher::SandboxReply>(&body);
    if (!reply)
      throw Error(ErrorCode::unavailable, "creating a sandbox: the launcher answered something else");
    Sandbox sandbox = sandbox_of(reply->sandbox);
    live_[spec.id] = sandbox;
    co_return sandbox;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout || error.code() == ErrorCode::unavailable)
      net::spawn(executor_, "undoing a create", undo_create(link_, spec.id, options_.call_limit));
    throw;
  }
}

// Its end is wanted and not reported, unless the destroy fails.
net::task<> NativeRuntime::destroy(std::string id) {
  Silence silence(*this, id);
  try {
    co_await link_->call(launcher::DestroyRequest{id}, options_.call_limit);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
  }
  live_.erase(id);
}

std::string NativeRuntime::image_name(const std::string& requested) const {
  try {
    return launcher::normalise_image_name(requested);
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), "IMAGE::INVALID_NAME");
  }
}

net::task<ImageEntry> NativeRuntime::store_image(ImageUpload upload) {
  refuse_reserved(upload.name);
  ImageChannel channel(executor_, link_->connect(), {options_.call_limit, options_.image_limit});
  co_await channel.open(
      launcher::StoreImageRequest{upload.name, upload.replace, static_cast<int64_t>(upload.max_bytes)});
  std::string piece(launcher::kMaxPiece, '\0');
  for (bool wanted = true; wanted;) {
    size_t count = co_await upload.read(piece);
    if (count == 0) {
      co_await channel.send(launcher::ArchiveEnd{});
      break;
    }
    wanted = co_await channel.send(launcher::ArchivePiece{piece.substr(0, count)});
  }
  launcher::ReplyBody body = co_await channel.reply();
  auto* image = std::get_if<launcher::ImageReply>(&body);
  if (!image) throw Error(ErrorCode::unavailable, "storing an image: the launcher answered something else");
  co_return ImageEntry{.name = image->name, .size = image->size, .created_at = image->created};
}

net::task<> NativeRuntime::remove_image(std::string name) {
  refuse_reserved(name);
  ImageChannel channel(executor_, link_->connect(), {options_.call_limit, options_.image_limit});
  co_await channel.open(launcher::RemoveImageRequest{std::move(name)});
  co_await channel.reply();
}

net::task<> NativeRuntime::pause(std::string id) {
  co_await link_->call(launcher::PauseRequest{std::move(id)}, options_.call_limit);
}

net::task<> NativeRuntime::resume(std::string id) {
  co_await link_->call(launcher::ResumeRequest{std::move(id)}, options_.call_limit);
}

net::task<std::vector<Sandbox>> NativeRuntime::list() {
  launcher::ReplyBody body = co_await link_->call(launcher::ListRequest{}, options_.call_limit);
  auto* reply = std::get_if<launcher::ListReply>(&body);
  if (!reply) throw Error(ErrorCode::unavailable, "listing sandboxes: the launcher answered something else");
  std::vector<Sandbox> all;
  for (const launcher::SandboxInfo& info : reply->sandboxes) all.push_back(sandbox_of(info));
  co_return all;
}

}  // namespace osb::runtime
