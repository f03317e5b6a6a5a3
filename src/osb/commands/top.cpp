// osb top: what all running sandboxes use.
#include <fmt/core.h>
#include <opensandbox/manager.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/duration_words.h"
#include "osb/interrupts.h"
#include "osb/models.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

// Handles are kept from look to look: each would ask again where its sandbox is.
class Overview {
 public:
  explicit Overview(Invocation& run) : config_(connection(run)), manager_(shared()) {}

  // The busiest first. A sandbox that does not answer has no figures.
  json::Array look(std::stop_token stop) {
    json::Array rows;
    for (const opensandbox::SandboxInfo& info :
         manager_.list({.states = {"Running"}, .page_size = 200}).items)
      rows.push_back(row(info, stop));
    std::sort(rows.begin(), rows.end(),
              [](const json::Value& a, const json::Value& b) { return load(a) > load(b); });
    return rows;
  }

 private:
  opensandbox::ConnectionConfig& shared() {
    config_.connections = opensandbox::Connections();
    return config_;
  }

  static double load(const json::Value& row) {
    const json::Value& cpu = row.at("cpu_used_percentage");
    return cpu.is_null() ? -1 : cpu.to_number<double>();
  }

  json::Object row(const opensandbox::SandboxInfo& info, std::stop_token stop) {
    json::Object out{{"id", info.id},
                     {"image", info.image},
                     {"cpu_count", nullptr},
                     {"cpu_used_percentage", nullptr},
                     {"memory_total_in_mib", nullptr},
                     {"memory_used_in_mib", nullptr}};
    try {
      auto found = handles_.find(info.id);
      if (found == handles_.end())
        found =
            handles_.emplace(info.id, opensandbox::Sandbox::connect(info.id, config_, {.skip = true}, stop))
                .first;
      for (const auto& member : metrics_model(found->second.metrics(stop)))
        out[member.key()] = member.value();
    } catch (const opensandbox::Error& error) {
      if (error.code() == opensandbox::ErrorCode::cancelled) throw;
      handles_.erase(info.id);
    }
    return out;
  }

  opensandbox::ConnectionConfig config_;
  opensandbox::Manager manager_;
  std::map<std::string, opensandbox::Sandbox> handles_;
};

std::string figure(const json::Value& value, const char* format) {
  return value.is_null() ? "-" : fmt::format(fmt::runtime(format), value.to_number<double>());
}

std::string table(const json::Array& rows, TableStyle style) {
  std::vector<std::vector<std::string>> cells;
  for (const json::Value& row : rows)
    cells.push_back({cell(&row.at("id")), figure(row.at("cpu_used_percentage"), "{:.1f}"),
                     figure(row.at("cpu_count"), "{:g}"), figure(row.at("memory_used_in_mib"), "{:.0f}"),
                     figure(row.at("memory_total_in_mib"), "{:.0f}"), cell(&row.at("image"))});
  return render_table({"ID", "CPU%", "CPUS", "MIB", "OF MIB", "IMAGE"}, cells, style);
}

int top(Invocation& run) {
  auto pause = read_duration("--interval", run.option("interval").value_or("2s"));
  bool once = run.flag("once") || !run.output().is_table() || !::isatty(STDOUT_FILENO);
  Interrupts interrupts;
  Overview overview(run);
  while (true) {
    json::Array rows = overview.look(interrupts.token());
    if (!run.output().is_table()) {
      run.output().rows(rows, {}, "");
      return 0;
    }
    std::string text = rows.empty() ? "No sandbox runs.\n" : table(rows, run.output().style());
    run.output().text(once ? text : "\x1b[H\x1b[2J" + text);
    if (once) return 0;
    if (!interrupts.sleep(pause)) return kExitInterrupted;
  }
}

constexpr Option kOptions[] = {{"--interval", "DURATION", "Time between two looks (2s)"},
                               {"--once", "", "One look; also where the output is no terminal"}};

}  // namespace

const Command kTop{.name = "top",
                   .summary = "Show what the running sandboxes use, the busiest first",
                   .outputs = "table|json|yaml",
                   .options = kOptions,
                   .run = top};

}  // namespace osb::cli
