#include "calls/watching.h"

#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox {

namespace detail {
namespace {

constexpr const char* kEventStream = "text/event-stream";
constexpr Milliseconds kLongestSilence{60'000};  // the daemon says "ping" every three seconds
constexpr Milliseconds kSearchTime{30'000};      // how long a broken stream is asked for

bool is_change(const std::string& type) {
  for (const char* kind : {"created", "modified", "attributes", "deleted", "moved", "overflow"})
    if (type == kind) return true;
  return false;
}

Call events_call(std::string path, std::string doing) {
  Call call = json_call("GET", std::move(path), std::move(doing));
  call.headers.set("Accept", kEventStream);
  call.expect = {200};
  return call;
}

}  // namespace

Watching::Watching(std::shared_ptr<Link> link, std::string prefix, std::string path, bool recursive)
    : link_(std::move(link)),
      prefix_(std::move(prefix)),
      call_(events_call(
          prefix_ + "/files/watch" + query({{"path", path}, {"recursive", recursive ? "true" : "false"}}),
          "watch " + path)) {}

Watching::~Watching() {
  stream_.reset();
  if (id_.empty() || ended_ || !target_) return;
  try {  // it ends by itself later when nobody reads it
    Call call = json_call("DELETE", prefix_ + "/files/watch" + query({{"id", id_}}), "end watch " + id_);
    link_->client->call_once(*target_, call, Wait::at_most(Milliseconds(2000), {}));
  } catch (const std::exception&) {}
}

Call Watching::resume_call() const {
  std::string path = prefix_ + "/files/watch/" + segment(id_) + "/resume" +
                     query({{"after_eid", std::to_string(last_event_)}});
  return events_call(path, "go on with watch " + id_);
}

void Watching::leave() {
  stream_.reset();
  reader_ = EventReader();
}

void Watching::start(const std::stop_token& stop) {
  target_ = link_->execd(stop);
  Client& client = *link_->client;
  try {
    stream_.emplace(client.stream(*target_, call_, Wait::until_stopped(stop)));
    while (id_.empty() && !ended_) more(client.wait(stop));
  } catch (const Failure& failure) {
    throw_network_error(failure, call_.doing, *target_);
  }
  if (!failed_.empty()) throw Error(ErrorCode::failed, call_.doing + ": " + failed_);
}

std::optional<FileChange> Watching::next(Milliseconds timeout, const std::stop_token& stop) {
  Wait wait = Wait::until_stopped(stop);
  if (timeout < std::chrono::hours(1'000'000)) wait = wait.capped(timeout);
  auto lost = Clock::time_point::max();
  while (ready_.empty() && !ended_) {
    try {
      if (!stream_) reconnect(wait);
      more(wait);
    } catch (const Failure& failure) {
      if (failure.cause() == Failure::Cause::cancelled) throw_network_error(failure, call_.doing, *target_);
      if (wait.over()) return std::nullopt;
      leave();
      lost = std::min(lost, Clock::now());
      if (Clock::now() - lost > kSearchTime) throw_network_error(failure, call_.doing, *target_);
    }
  }
  if (ready_.empty()) {
    if (!failed_.empty()) throw Error(ErrorCode::failed, call_.doing + ": " + failed_);
    return std::nullopt;
  }
  FileChange change = std::move(ready_.front());
  ready_.pop_front();
  return change;
}

void Watching::reconnect(const Wait& wait) {
  pause(Milliseconds(200), wait);
  stream_.emplace(link_->client->stream(*target_, resume_call(), wait));
}

void Watching::more(const Wait& wait) {
  auto sink = [this](const Object& event) { take(event); };
  std::string_view piece = stream_->read(wait.capped(kLongestSilence));
  if (!piece.empty()) return reader_.feed(piece, sink);
  reader_.end(sink);
  leave();
  if (id_.empty()) ended_ = true;
}

void Watching::take(const Object& event) {
  if (auto eid = find_int(event, "eid")) {
    if (*eid <= last_event_) return;
    last_event_ = *eid;
  }
  std::string type = text_of(event, "type");
  if (type == "init") {
    id_ = text_of(event, "execution_id");
    if (id_.empty()) id_ = text_of(event, "text");
  } else if (is_change(type)) {
    ready_.push_back({type, text_of(event, "path"), text_of(event, "from"), text_of(event, "to"),
                      text_of(event, "reason"), bool_of(event, "directory"), int_of(event, "timestamp")});
  } else if (type == "gap") {
    ready_.push_back({"overflow", "", "", "", "queue", false, int_of(event, "timestamp")});
  } else if (type == "execution_complete" || type == "error") {
    ended_ = true;
    const Object* error = find_object(event, "error");
    if (error)
      failed_ = text_of(*error, "evalue").empty() ? text_of(*error, "ename") : text_of(*error, "evalue");
  }
}

}  // namespace detail

FileWatch::FileWatch(std::unique_ptr<detail::Watching> watching) : watching_(std::move(watching)) {}
FileWatch::~FileWatch() = default;
FileWatch::FileWatch(FileWatch&&) noexcept = default;
FileWatch& FileWatch::operator=(FileWatch&&) noexcept = default;

std::optional<FileChange> FileWatch::next(Milliseconds timeout, std::stop_token stop) {
  return watching_->next(timeout, stop);
}

bool FileWatch::ended() const { return watching_->ended(); }

}  // namespace opensandbox
