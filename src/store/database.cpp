#include "store/database.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include "base/defer.h"
#include "base/fd.h"

namespace osb::store {

namespace {

Error failure(std::string_view doing, sqlite3* handle, int result) {
  ErrorCode code = ErrorCode::internal;
  if ((result & 0xff) == SQLITE_BUSY) code = ErrorCode::conflict;
  if ((result & 0xff) == SQLITE_FULL) code = ErrorCode::exhausted;
  return Error(code, fmt::format("{}: {}", doing, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(result)));
}

}  // namespace

Database::Database(const std::string& path) {
  try {
    open(path);
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

void Database::open(const std::string& path) {
  std::string doing = "opening database " + path;
  if (path != ":memory:")  // so that it never exists with another mode
    Fd(check(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), doing));
  int result =
      sqlite3_open_v2(path.c_str(), &handle_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nullptr);
  if (result != SQLITE_OK) throw failure(doing, handle_, result);
  sqlite3_extended_result_codes(handle_, 1);
  int keep = 1;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  try {
    execute(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;");
    // The first write takes the lock for good and opens the journal.
    execute("BEGIN IMMEDIATE; PRAGMA user_version; COMMIT;");
  } catch (const Error& e) {
    if (e.code() == ErrorCode::conflict) throw Error(ErrorCode::conflict, doing + ": another server uses it");
    throw e.while_doing(doing);
  }
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::execute(std::string_view sql) {
  int result = sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw failure("changing the database", handle_, result);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  int result = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (result != SQLITE_OK) throw failure("preparing a statement", database.handle(), result);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind(int parameter, std::string_view text) {
  // SQLite reads a null pointer as NULL; an empty text is not NULL.
  sqlite3_bind_text64(handle_, parameter, text.data() ? text.data() : "", text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::bind(int parameter, int64_t number) { sqlite3_bind_int64(handle_, parameter, number); }

void Statement::bind(int parameter, std::optional<int64_t> number) {
  if (number) {
    sqlite3_bind_int64(handle_, parameter, *number);
  } else {
    sqlite3_bind_null(handle_, parameter);
  }
}

bool Statement::step() {
  int result = sqlite3_step(handle_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  throw failure("using the database", database_.handle(), result);
}

std::string Statement::text(int column) const {
  auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(handle_, column))) : std::string();
}

int64_t Statement::number(int column) const { return sqlite3_column_int64(handle_, column); }

std::optional<int64_t> Statement::optional_number(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

void Statement::run() {
  Defer clean([this] { reset(); });
  while (step()) {}
}

}  // namespace osb::store
