#include "launcher/sandboxes.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "launcher/admission.h"

namespace osb::launcher {

namespace {

constexpr size_t kPerListReply = 256;

ErrorReply reply_of(const Error& e) { return {e.code(), e.message()}; }

Sandbox::Answer answer_of(Sandboxes::Respond respond) {
  return [respond = std::move(respond)](Result<void> result) {
    if (result.ok()) {
      respond(DoneReply{});
    } else {
      respond(reply_of(result.error()));
    }
  };
}

void check_create(const CreateRequest& request) {
  check_sandbox_id(request.id);
  const std::string& image = request.image;
  if (image.size() > 255 || image.find('/') != image.npos || image.find('\0') != image.npos ||
      image.starts_with("."))
    throw Error(ErrorCode::invalid, "reading an image name: not one path component");
  if (request.cpu_millis < 0 || request.memory_bytes < 0 || request.pids < 0)
    throw Error(ErrorCode::invalid, "reading limits: a limit is negative");
}

}  // namespace

Sandboxes::Sandboxes(Workshop shop, int64_t max_memory, size_t max_slots,
                     std::function<void(SandboxInfo)> on_exit, std::function<void()> on_change)
    : shop_(shop),
      max_memory_(max_memory),
      on_exit_(std::move(on_exit)),
      on_change_(std::move(on_change)),
      slots_(shop, max_slots, [this] { on_change_(); }) {}

void Sandboxes::handle(RequestBody request, Respond respond) {
  try {
    std::visit(
        [&](auto& body) {
          if constexpr (requires { on(std::move(body), respond); }) {
            on(std::move(body), respond);
          } else {
            throw Error(ErrorCode::invalid, "asking the launcher: part of an archive that nobody stores");
          }
        },
        request);
  } catch (const Error& e) {
    respond(reply_of(e));
  }
}

void Sandboxes::on(CreateRequest request, Respond respond) {
  check_create(request);
  if (request.pids == 0) request.pids = CreateRequest{}.pids;  // there is always a ceiling
  if (sandboxes_.contains(request.id))
    throw Error(ErrorCode::conflict, "making sandbox " + request.id + ": the id is taken");
  admit({available_memory(), max_memory_ > 0 ? shop_.cgroups.memory_use() : std::nullopt}, max_memory_);

  std::string id = request.id;
  Entry& entry = sandboxes_[id];
  entry.created = std::move(respond);
  if (is_host_image(request.image)) entry.sandbox = slots_.take();
  if (!entry.sandbox) entry.sandbox = std::make_unique<Sandbox>(shop_);
  slots_.hold();
  on_change_();
  entry.sandbox->start(
      std::move(request),
      Sandbox::Events{.started = [this, id](Result<void> result) { started(id, std::move(result)); },
                      .exited =
                          [this, id] {
                            SandboxInfo info = sandboxes_.at(id).sandbox->info();
                            log_info("sandbox ended by itself",
                                     {{"sandbox", id}, {"reason", info.exit_reason}});
                            on_exit_(std::move(info));
                            on_change_();
                          },
                      .gone = [this, id] { gone(id); }});
  slots_.make_beside();
}

void Sandboxes::started(const std::string& id, Result<void> result) {
  slots_.go_on();
  Entry& entry = sandboxes_.at(id);
  Respond respond = std::exchange(entry.created, nullptr);
  if (result.ok()) {
    respond(SandboxReply{entry.sandbox->info()});
  } else {
    log_warn("sandbox not made", {{"sandbox", id}, {"error", result.error().message()}});
    respond(reply_of(result.error()));
  }
}

// Runs in a call of the sandbox: the object itself is dropped at the end of the loop's turn.
void Sandboxes::gone(const std::string& id) {
  auto node = sandboxes_.extract(id);
  Entry& entry = node.mapped();
  shop_.poller.defer([this, dead = std::shared_ptr<Sandbox>(std::move(entry.sandbox))] { on_change_(); });
  for (Respond& respond : entry.destroyed) respond(DoneReply{});
}

// An unknown id is what the caller wants: it may repeat a request whose answer was lost.
void Sandboxes::on(DestroyRequest request, Respond respond) {
  auto found = sandboxes_.find(request.id);
  if (found == sandboxes_.end()) return respond(DoneReply{});
  found->second.destroyed.push_back(std::move(respond));
  found->second.sandbox->destroy();
}

void Sandboxes::on(PauseRequest request, Respond respond) {
  find(request.id).sandbox->pause(answer_of(std::move(respond)));
}

void Sandboxes::on(ResumeRequest request, Respond respond) {
  find(request.id).sandbox->resume(answer_of(std::move(respond)));
}

void Sandboxes::on(ListRequest, Respond respond) {
  ListReply reply;
  for (const auto& [id, entry] : sandboxes_) {
    if (reply.sandboxes.size() == kPerListReply) {
      reply.more = true;
      respond(std::exchange(reply, {}));
    }
    reply.sandboxes.push_back(entry.sandbox->info());
  }
  respond(std::move(reply));
}

Sandboxes::Entry& Sandboxes::find(const std::string& id) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end())
    throw Error(ErrorCode::not_found, "looking for sandbox " + id + ": there is none");
  return found->second;
}

size_t Sandboxes::alive() const {
  return static_cast<size_t>(
      std::ranges::count_if(sandboxes_, [](auto& item) { return item.second.sandbox->alive(); }));
}

void Sandboxes::destroy_all() {
  slots_.drain();
  for (auto& [id, entry] : sandboxes_) entry.sandbox->destroy();
}

}  // namespace osb::launcher
