#include "execd/telemetry/otlp_exporter.h"

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "execd/telemetry/name_lookup.h"
#include "execd/telemetry/otlp_message.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

constexpr const char* kScope = "opensandbox/execd";
constexpr uint64_t kAnswerBytes = 64 * 1024;

uint64_t unix_ns() { return static_cast<uint64_t>(now().time_since_epoch().count()); }

http::ClientOptions client_options(const OtlpConfig& config) {
  http::ClientOptions options;
  options.connect_time = options.response_time = options.body_idle_time = config.timeout;
  options.idle_per_target = 1;
  options.idle_time = std::chrono::seconds(5);  // shorter than what collectors wait for
  return options;
}

}  // namespace

struct OtlpExporter::State : std::enable_shared_from_this<State> {
  State(net::asio::any_io_executor e, Telemetry& t, OtlpConfig c, std::string v)
      : telemetry(&t),
        config(std::move(c)),
        version(std::move(v)),
        names(e),
        client(e, client_options(config)),
        changed(e),
        start_ns(unix_ns()) {}

  std::string message();
  net::task<> send();
  net::task<> export_now();
  static net::task<> run(std::shared_ptr<State> self);
  static net::task<> export_last(std::shared_ptr<State> self);

  Telemetry* telemetry;  // null: stopped
  OtlpConfig config;
  std::string version;
  NameLookup names;
  http::Client client;
  net::Event changed;
  uint64_t start_ns;
  bool failing = false, sending = false, ended = false, finished = false;
};

std::string OtlpExporter::State::message() {
  OtlpFrame frame;
  frame.resource = {{"service.name", "opensandbox-execd-" + version}};
  for (const auto& [name, value] : telemetry->common())
    if (name == "sandbox_id") frame.resource.emplace_back(name, value);
  frame.scope = kScope;
  frame.scope_version = version;
  frame.common = telemetry->common();
  frame.start_ns = start_ns;
  frame.now_ns = unix_ns();
  return otlp_metrics(frame, telemetry->collect());
}

net::task<> OtlpExporter::State::send() {
  http::ClientRequest request;
  request.method = "POST";
  request.target = config.path;
  request.headers = config.headers;
  request.headers.set("Host", config.host);
  request.headers.set("Content-Type", "application/x-protobuf");
  request.headers.set("User-Agent", "opensandbox-execd/" + version);
  request.body = message();
  http::Target target = config.target;
  if (!config.name.empty()) target.host = co_await names.address_of(config.name, config.timeout);
  auto answer = co_await client.send(std::move(target), std::move(request));
  int status = answer->status();
  co_await answer->read_all(kAnswerBytes);
  if (status / 100 != 2)
    throw Error(ErrorCode::unavailable,
                "exporting metrics: the collector answered " + std::to_string(status));
}

net::task<> OtlpExporter::State::export_now() {
  if (sending || !telemetry) co_return;
  sending = true;
  std::string failure;
  try {
    co_await send();
  } catch (const Error& error) {
    failure = error.message();
  }
  sending = false;
  if (failure.empty() == failing) {
    failing = !failure.empty();
    if (failing)
      log_warn("metrics are not exported", {{"error", failure}});
    else
      log_info("metrics are exported again");
  }
  changed.notify();
}

net::task<> OtlpExporter::State::run(std::shared_ptr<State> self) {
  while (!self->ended) {
    bool woken = co_await self->changed.wait_for(self->config.interval);
    if (!woken && !self->ended) co_await self->export_now();
  }
}

net::task<> OtlpExporter::State::export_last(std::shared_ptr<State> self) {
  while (self->sending) co_await self->changed.wait();
  co_await self->export_now();
  self->finished = true;
  self->changed.notify();
}

OtlpExporter::OtlpExporter(net::asio::any_io_executor executor, Telemetry& telemetry, OtlpConfig config,
                           std::string version)
    : state_(std::make_shared<State>(executor, telemetry, std::move(config), std::move(version))) {
  net::spawn(executor, "metrics export", State::run(state_));
}

OtlpExporter::~OtlpExporter() {
  state_->telemetry = nullptr;
  state_->ended = true;
  state_->changed.notify();
}

net::task<> OtlpExporter::finish(std::chrono::milliseconds limit) {
  auto state = state_;
  state->ended = true;
  state->changed.notify();
  auto end = std::chrono::steady_clock::now() + limit;
  net::spawn(state->client.executor(), "last metrics export", State::export_last(state));
  while (!state->finished) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !co_await state->changed.wait_for(left)) co_return;
  }
}

}  // namespace osb::execd
