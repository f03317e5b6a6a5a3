// Tables and their history: step N brings a database from version N to N+1. Steps are only ever added.
#pragma once

#include "store/database.h"

namespace osb::store {

// Brings the database to the newest version, all steps in one transaction. Throws Error(unsupported) for one
// that a newer program wrote.
void migrate(Database& database);

}  // namespace osb::store
