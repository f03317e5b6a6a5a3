// Both ways out, read back: the text by a small parser of its format, the export by a collector that decodes
// it.
#include "execd/telemetry/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>

#include <map>

#include "execd/telemetry/name_lookup.h"
#include "execd/telemetry/network_usage.h"
#include "execd/telemetry/otlp_exporter.h"
#include "execd/telemetry/prometheus_text.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Network, SumsTrafficAndCountsSockets) {
  Traffic traffic = parse_traffic(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
      "    lo: 999 9 0 0 0 0 0 0 999 9 0 0 0 0 0 0\n"
      "  eth0: 100 1 0 0 0 0 0 0 50 2 0 0 0 0 0 0\n"
      "eth1:7 1 0 0 0 0 0 0 8 2 0 0 0 0 0 0\n");
  EXPECT_EQ(traffic.in_bytes, 107);
  EXPECT_EQ(traffic.out_bytes, 58);
  constexpr const char* kTcp =
      "  sl  local_address rem_address   st tx_queue\n"
      "   0: 0100007F:1F90 00000000:0000 0A 0:0\n   1: 0100007F:1F90 0100007F:8888 01 0:0\n";
  EXPECT_EQ(count_sockets(kTcp, "01"), 1);
  EXPECT_EQ(count_sockets(kTcp, {}), 2);
  EXPECT_EQ(count_sockets("", {}), 0);
}

TEST(Instruments, CountsRequestsByRouteAndFileOperations) {
  Instruments instruments;
  instruments.http_request("GET", "/code/contexts/{}", 200, 1500us);
  instruments.http_request("BREW", "", 404, 1us);
  instruments.http_request("GET", "/proxy/{*}", 200, 1us);
  instruments.http_request("POST", "/files/mv", 404, 3ms);
  auto metrics = instruments.metrics();
  std::string text = prometheus_text(metrics);
  EXPECT_THAT(text, HasSubstr(R"(execd_http_request_duration_milliseconds_sum{http_method="GET",)"
                              R"(http_route="/code/contexts/:id",http_status_code="200"} 1.5)"));
  EXPECT_THAT(text, HasSubstr(R"(http_method="_OTHER",http_route="unknown",http_status_code="404")"));
  EXPECT_THAT(text, HasSubstr(R"(http_method="GET",http_route="unknown",http_status_code="200")"));
  EXPECT_THAT(text,
              HasSubstr(R"(operations_duration_milliseconds_count{operation="rename",result="failure"} 1)"));
  EXPECT_EQ(file_operation("DELETE", "/files"), "delete");
  EXPECT_EQ(file_operation("GET", "/v1/filesystem/{}/{}/files/info"), "info");
  EXPECT_EQ(file_operation("GET", "/metrics"), "");
}

TEST(Instruments, SeriesAreBounded) {
  Instruments instruments;
  for (int status = 0; status < 1000; ++status) instruments.http_request("GET", "/ping", status, 1ms);
  EXPECT_EQ(instruments.metrics()[0].points.size(), Instruments::kMaxSeries + 1);
}

// A reader of the text format, as strict as a scraper: samples by name and labels; fails on anything else.
std::map<std::string, double> parse_exposition(const std::string& text,
                                               std::map<std::string, std::string>& types) {
  std::map<std::string, double> samples;
  auto is_name = [](char c, bool first) {
    return ::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == ':' ||
           (!first && ::isdigit(static_cast<unsigned char>(c)));
  };
  EXPECT_TRUE(text.ends_with('\n'));
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("# TYPE ")) {
      size_t space = line.find(' ', 7);
      EXPECT_TRUE(types.emplace(line.substr(7, space - 7), line.substr(space + 1)).second) << line;
      continue;
    }
    if (line.starts_with("# HELP ")) continue;
    size_t i = 0;
    while (i < line.size() && is_name(line[i], i == 0)) ++i;
    EXPECT_GT(i, 0u) << line;
    if (line[i] == '{') {
      do {
        size_t start = ++i;
        while (is_name(line[i], i == start)) ++i;
        EXPECT_EQ(line.substr(i, 2), "=\"") << line;
        for (i += 2; line[i] != '"'; ++i) i += line[i] == '\\';
        ++i;
      } while (line[i] == ',');
      EXPECT_EQ(line[i++], '}') << line;
    }
    EXPECT_EQ(line[i], ' ') << line;
    size_t used = 0;
    double value = std::stod(line.substr(i + 1), &used);
    EXPECT_EQ(i + 1 + used, line.size()) << line;
    EXPECT_TRUE(samples.emplace(line.substr(0, i), value).second) << line;
  }
  return samples;
}

TEST(PrometheusText, IsWhatAScraperReads) {
  Histogram histogram;
  histogram.add(3);
  histogram.add(30);
  histogram.add(1e9);
  std::vector<Metric> metrics = {
      {"a.b", "ms", "h", MetricKind::histogram, {{{{"k", std::string("v\"\\\n")}}, histogram}}},
      {"a.bytes", "By", "c", MetricKind::counter, {{{{"direction", std::string("in")}}, int64_t{7}}}},
      {"a.usage", "%", "g", MetricKind::gauge, {{{}, 1.5}}}};
  std::map<std::string, std::string> types;
  auto samples = parse_exposition(prometheus_text(metrics, {{"sandbox_id", std::string("s1")}}), types);
  EXPECT_EQ(types["a_b_milliseconds"], "histogram");
  EXPECT_EQ(types["a_bytes_total"], "counter");
  EXPECT_EQ(samples[R"(a_usage_percent{sandbox_id="s1"})"], 1.5);
  EXPECT_EQ(samples[R"(a_bytes_total{sandbox_id="s1",direction="in"})"], 7);
  std::string labels = R"({sandbox_id="s1",k="v\"\\\n")";
  EXPECT_EQ(samples["a_b_milliseconds_bucket" + labels + R"(,le="2.5"})"], 0);
  EXPECT_EQ(samples["a_b_milliseconds_bucket" + labels + R"(,le="5"})"], 1);
  EXPECT_EQ(samples["a_b_milliseconds_bucket" + labels + R"(,le="50"})"], 2);
  EXPECT_EQ(samples["a_b_milliseconds_bucket" + labels + R"(,le="+Inf"})"], 3);
  EXPECT_EQ(samples["a_b_milliseconds_count" + labels + "}"], 3);
}

TEST(Telemetry, EverythingTogetherIsValidText) {
  net::Loop loop;
  MetricsSampler sampler(loop.executor(), {});
  Telemetry telemetry(sampler, {});
  telemetry.instruments().execution("run_command", true, 5ms);
  std::map<std::string, std::string> types;
  auto samples = parse_exposition(prometheus_text(telemetry.collect()), types);
  EXPECT_GT(samples["execd_system_memory_usage_bytes"], 0);
  EXPECT_GT(samples["execd_system_process_count"], 0);
  EXPECT_EQ(
      samples[R"(execd_execution_duration_milliseconds_count{operation="run_command",result="success"})"], 1);
  for (const char* name : {"execd_system_cpu_usage_percent", "execd_system_network_io_bytes_total",
                           "execd_system_network_connections_active"})
    EXPECT_TRUE(types.contains(name)) << name;
}

// Fields of a protobuf message, in order.
struct Field {
  int number = 0;
  uint64_t value = 0;      // varint or fixed64
  std::string_view bytes;  // length-delimited
};
std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> out;
  auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0; !message.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(message[0]);
      message.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (!message.empty()) {
    uint64_t key = varint();
    Field field{static_cast<int>(key >> 3)};
    if ((key & 7) == 0) {
      field.value = varint();
    } else if ((key & 7) == 1) {
      ::memcpy(&field.value, message.data(), 8);
      message.remove_prefix(8);
    } else {
      EXPECT_EQ(key & 7, 2u);
      size_t size = varint();
      EXPECT_LE(size, message.size());
      field.bytes = message.substr(0, size);
      message.remove_prefix(std::min(size, message.size()));
    }
    out.push_back(field);
  }
  return out;
}
std::vector<std::string_view> all(std::string_view message, int number) {
  std::vector<std::string_view> out;
  for (const Field& field : fields_of(message))
    if (field.number == number) out.push_back(field.bytes);
  return out;
}
std::string_view one(std::string_view message, int number) {
  auto found = all(message, number);
  EXPECT_FALSE(found.empty()) << "field " << number;
  return found.empty() ? std::string_view() : found[0];
}
uint64_t value_of(std::string_view message, int number) {
  for (const Field& field : fields_of(message))
    if (field.number == number) return field.value;
  ADD_FAILURE() << "field " << number;
  return 0;
}
std::map<std::string, std::string> attributes_of(std::string_view message, int number) {
  std::map<std::string, std::string> out;
  for (std::string_view pair : all(message, number)) {
    Field value = fields_of(one(pair, 2)).at(0);
    out[std::string(one(pair, 1))] =
        value.number == 1 ? std::string(value.bytes) : std::to_string(value.value);
  }
  return out;
}

class Collector : public ::testing::Test {
 protected:
  Collector() : sampler_(loop_.executor(), {}), telemetry_(sampler_, {{"sandbox_id", std::string("s1")}}) {
    server_ = std::make_unique<http::Server>(
        loop_.executor(), [this](http::Request& r, http::ResponseWriter& w) { return take(this, r, w); });
    auto listener = net::listen_tcp(loop_.executor(), "127.0.0.1", 0);
    port_ = listener->port();
    server_->serve(std::move(listener));
  }
  static net::task<> take(Collector* self, http::Request& request, http::ResponseWriter& response) {
    self->bodies_.push_back(co_await request.body->read_all());
    self->target_ = request.method + " " + request.target;
    self->headers_ = request.headers;
    co_await response.send({self->status_, {}, ""});
  }
  OtlpConfig config(Environment more = {}) {
    more["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:" + std::to_string(port_) + "/";
    more["OTEL_METRIC_EXPORT_INTERVAL"] = "100";
    return otlp_config(more, "", "").value();
  }
  void wait_for_exports(size_t count) {
    for (int i = 0; i < 1000 && bodies_.size() < count; ++i) loop_.run_until_done(net::sleep_for(10ms));
    ASSERT_GE(bodies_.size(), count);
  }

  net::Loop loop_;
  MetricsSampler sampler_;
  Telemetry telemetry_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
  int status_ = 200;
  std::vector<std::string> bodies_;
  std::string target_;
  http::Headers headers_;
};

TEST_F(Collector, DecodesWhatIsExported) {
  telemetry_.instruments().http_request("GET", "/ping", 200, 3ms);
  OtlpExporter exporter(loop_.executor(), telemetry_,
                        config({{"OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b, y=2"}}), "9.9");
  wait_for_exports(2);
  EXPECT_EQ(target_, "POST /v1/metrics");
  EXPECT_EQ(headers_.get("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(headers_.get("x-tenant"), "a b");
  EXPECT_EQ(headers_.get("y"), "2");

  std::string_view resource_metrics = one(bodies_[0], 1);
  EXPECT_EQ(
      attributes_of(one(resource_metrics, 1), 1),
      (std::map<std::string, std::string>{{"service.name", "opensandbox-execd-9.9"}, {"sandbox_id", "s1"}}));
  std::string_view scope = one(resource_metrics, 2);
  EXPECT_EQ(one(one(scope, 1), 1), "opensandbox/execd");
  std::map<std::string, std::string_view> metrics;
  for (std::string_view metric : all(scope, 2)) metrics[std::string(one(metric, 1))] = metric;

  std::string_view duration = metrics["execd.http.request.duration"];
  EXPECT_EQ(one(duration, 3), "ms");
  std::string_view histogram = one(duration, 9);
  EXPECT_EQ(value_of(histogram, 2), 2u);  // cumulative
  std::string_view point = one(histogram, 1);
  EXPECT_EQ(value_of(point, 4), 1u);
  EXPECT_EQ(one(point, 6).size(), (Histogram::kBounds.size() + 1) * 8);
  EXPECT_EQ(one(point, 7).size(), Histogram::kBounds.size() * 8);
  EXPECT_EQ(one(point, 6)[2 * 8], 1);  // 3 ms lie between 2.5 and 5
  auto attributes = attributes_of(point, 9);
  EXPECT_EQ(attributes["http_route"], "/ping");
  EXPECT_EQ(attributes["http_status_code"], "200");
  EXPECT_EQ(attributes["sandbox_id"], "s1");
  EXPECT_GT(value_of(point, 3), value_of(point, 2));  // now, after the start

  std::string_view traffic = one(metrics["execd.system.network.io.bytes"], 7);
  EXPECT_EQ(value_of(traffic, 3), 1u);  // monotonic
  EXPECT_EQ(attributes_of(one(traffic, 1), 7)["direction"], "in");
  EXPECT_GT(value_of(one(one(metrics["execd.system.memory.usage_bytes"], 5), 1), 6), 0u);
  EXPECT_TRUE(metrics.contains("execd.system.cpu.usage"));
  EXPECT_FALSE(metrics.contains("execd.execution.duration"));  // nothing was executed
}

TEST_F(Collector, ALastExportIsMadeAtTheEndAndACollectorThatRefusesIsNoEnd) {
  status_ = 503;
  OtlpExporter exporter(loop_.executor(), telemetry_, config(), "1");
  wait_for_exports(2);
  size_t before = bodies_.size();
  loop_.run_until_done(exporter.finish(5s));
  EXPECT_GT(bodies_.size(), before);
  size_t after = bodies_.size();
  loop_.run_until_done(net::sleep_for(300ms));
  EXPECT_EQ(bodies_.size(), after);
}

TEST(OtlpConfig, ComesFromTheEnvironment) {
  EXPECT_FALSE(otlp_config({}, "", ""));
  EXPECT_FALSE(otlp_config({{"HOST_IP", "node-7"}}, "not an address\n", ""));
  EXPECT_EQ(otlp_config({{"HOST_IP", "10.1.2.3"}}, "", "")->target.port, 4318);
  EXPECT_EQ(otlp_config({{"HOST_IP", "10.1.2.3"}}, "", "")->path, "/v1/metrics");
  EXPECT_EQ(otlp_config({}, "# host\n10.9.9.9\n", "")->target.host, "10.9.9.9");
  auto own = otlp_config({{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://[::1]:99/here?x"},
                          {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://1.1.1.1"}},
                         "", "");
  EXPECT_EQ(own->path, "/here?x");
  EXPECT_EQ(own->target.host, "[::1]");
  EXPECT_EQ(own->target.port, 99);
  auto named = otlp_config({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318"}}, "",
                           "127.0.0.1 localhost\n10.5.5.5\tother otel # x\n");
  EXPECT_EQ(named->target.host, "10.5.5.5");
  EXPECT_EQ(named->host, "otel:4318");
  EXPECT_EQ(named->interval, 60s);
  Environment off = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://1.1.1.1"}, {"OTEL_SDK_DISABLED", "true"}};
  EXPECT_FALSE(otlp_config(off, "", ""));
}

TEST(OtlpConfig, WhatCannotBeReachedIsSaid) {
  for (const char* url : {"https://1.1.1.1", "1.1.1.1:4318", "http://1.1.1.1:x", "http://1.1.1.1:0",
                          "http://u:p@1.1.1.1", "http://"})
    EXPECT_THROW(otlp_config({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}}, "", ""), Error) << url;
}

TEST(OtlpConfig, SaysWhyHttpsIsNotSpoken) {
  try {
    otlp_config({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"}}, "", "");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("no TLS"));
  }
}

TEST_F(Collector, NamesAreLookedUpBeforeEachExport) {
  auto unknown = otlp_config({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318"}}, "", "");
  EXPECT_EQ(unknown->name, "collector.example");
  EXPECT_EQ(unknown->target.host, "");
  OtlpConfig named = config();
  named.target.host = "";
  named.name = "localhost";
  OtlpExporter exporter(loop_.executor(), telemetry_, named, "9.9");
  wait_for_exports(2);
  EXPECT_EQ(target_, "POST /v1/metrics");
}

TEST_F(Collector, ANameThatIsNobodysIsAFailureOfTheExportAlone) {
  NameLookup names(loop_.executor());
  std::string got;
  auto ask = [](NameLookup* names, std::string name, std::chrono::milliseconds limit,
                std::string* got) -> net::task<> {
    try {
      *got = co_await names->address_of(name, limit);
    } catch (const Error& error) {
      *got = error.message();
    }
  };
  loop_.run_until_done(ask(&names, "no such name", 20s, &got));
  EXPECT_THAT(got, ::testing::StartsWith("looking up no such name: "));
  loop_.run_until_done(ask(&names, "localhost", 20s, &got));
  EXPECT_EQ(got, "127.0.0.1");
}

TEST(OtlpConfig, CommonAttributes) {
  EXPECT_EQ(
      common_attributes(
          {{"OPENSANDBOX_ID", "s"}, {"OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS", "a=1, b=2=3,=x,c"}}),
      (Attributes{{"sandbox_id", std::string("s")}, {"a", std::string("1")}, {"b", std::string("2=3")}}));
}

}  // namespace
}  // namespace osb::execd
