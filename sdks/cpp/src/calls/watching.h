// The stream behind a FileWatch.
#pragma once

#include <opensandbox/files.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "calls/link.h"
#include "wire/event_reader.h"

namespace opensandbox::detail {

struct Watching {
  Watching(std::shared_ptr<Link> link, std::string prefix, std::string path, bool recursive);
  ~Watching();

  // Returns when everything is watched.
  void start(const std::stop_token& stop);
  std::optional<FileChange> next(Milliseconds timeout, const std::stop_token& stop);
  bool ended() const { return ended_ && ready_.empty(); }

 private:
  void more(const Wait& wait);
  void reconnect(const Wait& wait);
  void take(const osb::json::Object& event);
  Call resume_call() const;
  void leave();

  std::shared_ptr<Link> link_;
  std::string prefix_;
  Call call_;
  std::optional<Target> target_;
  std::optional<Stream> stream_;
  EventReader reader_;
  std::deque<FileChange> ready_;
  std::string id_;
  int64_t last_event_ = 0;
  bool ended_ = false;
  std::string failed_;  // why it ended
};

}  // namespace opensandbox::detail
