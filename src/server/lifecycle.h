// What happens to sandboxes: the only place that changes the catalogue and talks to the runtime.
//
// Intents are journalled before the runtime acts (creating, deleting), results after it. One operation at a
// time works on a sandbox; others wait for its lock and look again when they have it. Ends that the runtime
// reports are taken in at any time.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "api/labels.h"
#include "runtime/runtime.h"
#include "server/catalogue.h"
#include "server/create_plan.h"
#include "server/expiry.h"

namespace osb::server {

class Lifecycle {
 public:
  // Both outlive this. One Lifecycle per runtime: it takes its on_exit().
  Lifecycle(net::asio::any_io_executor executor, Catalogue& catalogue, store::SandboxStore& store,
            runtime::Runtime& runtime);
  ~Lifecycle();
  Lifecycle(const Lifecycle&) = delete;

  // Waits for the runtime and makes journal and runtime agree: adopts what runs, reaps what expired or was
  // left in the middle, removes what nobody knows. Tries again until it succeeds or stop() was called.
  net::task<> recover();
  // Starts no more expiries; sandboxes stay.
  void stop();

  // Returns when the sandbox answers. Throws Error: invalid (image, entrypoint), exhausted, unavailable,
  // internal; then nothing is left of it.
  net::task<RecordPtr> create(CreatePlan plan);
  // The others throw Error(not_found) for an unknown id.
  net::task<> remove(std::string id);
  net::task<> pause(std::string id);
  net::task<> resume(std::string id);
  // Throws Error: invalid for a time that is past, conflict for a sandbox without a timeout.
  TimePoint renew(const std::string& id, TimePoint expires_at);
  RecordPtr patch_metadata(const std::string& id, const api::LabelPatch& patch);

 private:
  using Phase = store::Phase;
  static constexpr std::chrono::seconds kRetryRemoval{2};

  RecordPtr new_record(const CreatePlan& plan);
  void became_running(Record& record, const runtime::Sandbox& sandbox);
  net::task<> take_away(Record& record);
  net::task<> clean_up(Record& record);
  net::task<> expire(std::string id);
  RecordPtr require_settled(const std::string& id) const;
  void on_exit(const runtime::Sandbox& sandbox);
  void record_end(Record& record, const runtime::Sandbox& sandbox);
  void commit_phase(Record& record, Phase phase, std::string_view reason, std::string message);

  net::task<> recover_once();
  net::task<> reap(store::SandboxRow row);
  net::task<bool> recover_row(store::SandboxRow row, const runtime::Sandbox* sandbox);
  void adopt(store::SandboxRow row, const runtime::Sandbox* sandbox);
  void bring_up_to_date(Record& record, const runtime::Sandbox* sandbox);

  net::asio::any_io_executor executor_;
  Catalogue& catalogue_;
  store::SandboxStore& store_;
  runtime::Runtime& runtime_;
  Expiry expiry_;
  bool stopped_ = false;
  bool recovered_ = false;
  // Ends reported before recover() got to the sandbox; the list it works from may be older.
  std::unordered_map<std::string, runtime::Sandbox> unseen_exits_;
};

}  // namespace osb::server
