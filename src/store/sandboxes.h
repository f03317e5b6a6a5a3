// The journal of sandboxes: intents are written before the runtime acts, results after. A restarted server
// compares it with what the runtime still holds.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/sandbox.h"
#include "store/database.h"

namespace osb::store {

// creating and deleting are intents: found at start, the sandbox is taken away.
enum class Phase { creating, running, paused, terminated, failed, deleting };
std::string_view to_string(Phase phase);

struct SandboxRow {
  Phase phase = Phase::creating;
  api::Sandbox sandbox;                       // its status.state follows from `phase`
  std::map<std::string, std::string> limits;  // resourceLimits of the request
  std::string token;                          // of its execd
  std::string address;                        // last one the runtime reported
};

api::SandboxState state_of(Phase phase);

class SandboxStore {
 public:
  // Brings the schema up to date. The database outlives this.
  explicit SandboxStore(Database& database);

  // Inserts or replaces the row of that id.
  void put(const SandboxRow& row);
  void remove(std::string_view id);
  // Every row; one that cannot be read is logged and left out.
  std::vector<SandboxRow> load();

 private:
  Database& database_;
  Statement put_;
  Statement remove_;
};

}  // namespace osb::store
