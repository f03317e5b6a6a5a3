#include "store/schema.h"

#include <fmt/core.h>

#include <array>

namespace osb::store {

namespace {

constexpr std::array<const char*, 1> kSteps = {
    // 0 → 1. Times are microseconds since 1970; lists and maps are JSON. `phase` is the intent or the state
    // that was
    // reached last; `env` of the request is deliberately not kept.
    R"(CREATE TABLE sandboxes (
         id TEXT PRIMARY KEY,
         phase TEXT NOT NULL,
         image TEXT NOT NULL,
         platform_os TEXT NOT NULL,
         platform_arch TEXT NOT NULL,
         reason TEXT NOT NULL,
         message TEXT NOT NULL,
         transition_us INTEGER NOT NULL,
         metadata TEXT NOT NULL,
         extensions TEXT NOT NULL,
         entrypoint TEXT NOT NULL,
         limits TEXT NOT NULL,
         expires_us INTEGER,
         created_us INTEGER NOT NULL,
         token TEXT NOT NULL,
         address TEXT NOT NULL
       ) STRICT, WITHOUT ROWID)",
};

int64_t version_of(Database& database) {
  Statement read(database, "PRAGMA user_version");
  return read.step() ? read.number(0) : 0;
}

}  // namespace

void migrate(Database& database) {
  int64_t version = version_of(database);
  if (version > static_cast<int64_t>(kSteps.size()))
    throw Error(ErrorCode::unsupported,
                fmt::format("the database has version {}, this program knows versions up to {}", version,
                            kSteps.size()));
  database.execute("BEGIN IMMEDIATE");
  try {
    for (size_t step = static_cast<size_t>(version); step < kSteps.size(); step++)
      database.execute(kSteps[step]);
    database.execute(fmt::format("PRAGMA user_version={}", kSteps.size()));
    database.execute("COMMIT");
  } catch (...) {
    database.execute("ROLLBACK");
    throw;
  }
}

}  // namespace osb::store
