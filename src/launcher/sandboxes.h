// All sandboxes of this launcher, and what clients may ask about them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "launcher/protocol.h"
#include "launcher/sandbox.h"
#include "launcher/slots.h"

namespace osb::launcher {

class Sandboxes {
 public:
  // Called once per request, now or later; a ListReply may be followed by more.
  using Respond = std::function<void(ReplyBody)>;

  // `on_exit` is told of sandboxes that end by themselves; `on_change` whenever one appears or is gone.
  Sandboxes(Workshop shop, int64_t max_memory, size_t max_slots, std::function<void(SandboxInfo)> on_exit,
            std::function<void()> on_change);

  void handle(RequestBody request, Respond respond);

  // Sandboxes with processes.
  size_t alive() const;
  // Records of any kind.
  size_t count() const { return sandboxes_.size(); }
  // Nothing at all is left, prepared or in use.
  bool empty() const { return sandboxes_.empty() && slots_.empty(); }
  // Call it every few seconds.
  void refresh() { slots_.refresh(); }
  // For good: no request comes any more.
  void destroy_all();

 private:
  struct Entry {
    std::unique_ptr<Sandbox> sandbox;
    Respond created;                 // of the request that made it, while it starts
    std::vector<Respond> destroyed;  // waiting for its end
  };

  void on(CreateRequest request, Respond respond);
  void on(DestroyRequest request, Respond respond);
  void on(PauseRequest request, Respond respond);
  void on(ResumeRequest request, Respond respond);
  void on(ListRequest request, Respond respond);
  Entry& find(const std::string& id);
  void started(const std::string& id, Result<void> result);
  void gone(const std::string& id);

  Workshop shop_;
  int64_t max_memory_;
  std::function<void(SandboxInfo)> on_exit_;
  std::function<void()> on_change_;
  Slots slots_;
  std::map<std::string, Entry> sandboxes_;
};

}  // namespace osb::launcher
