// One SQLite database, used by one thread of one process.
//
// The server opens it as root and then drops its privileges, so nothing may be opened by path later: the
// journal (WAL) is created at once and kept, its index lives in memory because the lock is exclusive, and
// temporary tables live in memory too. The exclusive lock also keeps a second server off the same state.
//
// Durability: a commit survives the death of the process, not of the machine (synchronous=NORMAL). That is
// enough: no sandbox outlives its machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace osb::store {

class Database {
 public:
  // Creates the file with mode 0600 if it is missing. Throws Error: conflict when another process has it,
  // else internal. ":memory:" is a private one.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;

  // Runs statements without parameters or results. Throws Error(internal), exhausted when the disk is full.
  void execute(std::string_view sql);
  sqlite3* handle() const { return handle_; }

 private:
  void open(const std::string& path);

  sqlite3* handle_ = nullptr;
};

// A prepared statement: bind, step until false, reset; or bind and run().
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;

  // Parameters count from 1.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, int64_t number);
  void bind(int parameter, std::optional<int64_t> number);
  // True while there is a row. Throws Error.
  bool step();
  // Columns count from 0.
  std::string text(int column) const;
  int64_t number(int column) const;
  std::optional<int64_t> optional_number(int column) const;
  // Ready for the next run; parameters forget their values.
  void reset();
  // Runs it to its end and resets it, also when it throws.
  void run();

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace osb::store
