// What a command found out, in the format that was asked for. Everything goes to standard output; a reader
// that is gone is OutputGone, which ends the program quietly when all that had to be ended was ended (SIGPIPE
// is ignored).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "osb/table.h"

namespace osb::cli {

// Nobody reads what we write any more.
struct OutputGone {};

enum class Format { table, json, yaml, raw };

// A column of a list: the heading and the member of a row that it shows; "status.state" looks inside.
struct Column {
  std::string_view heading;
  std::string_view member;
};

class Output {
 public:
  Output(Format format, TableStyle style) : format_(format), style_(style) {}

  Format format() const { return format_; }
  bool is_table() const { return format_ == Format::table; }
  const TableStyle& style() const { return style_; }

  // One thing: a line for each member that is not null, or the whole object.
  void record(const json::Object& object) const;
  // Many things: the columns, or the whole array. `none` is the line for people when there is none.
  void rows(const json::Array& items, std::span<const Column> columns, std::string_view none) const;
  // It worked: the sentence, or {"status": "ok", "message": sentence}.
  void done(const std::string& sentence) const;
  // {"status": "ok", "message": …} with more members, which people do not see.
  void done(const std::string& sentence, const json::Object& more) const;
  void text(std::string_view bytes) const;

 private:
  bool structured(const json::Value& value) const;

  Format format_;
  TableStyle style_;
};

Format read_format(std::string_view text);
// A value as a table cell: lists with spaces, objects as k=v, null as "-".
std::string cell(const json::Value* value);

// Writes all of it; throws OutputGone, and Problem if that fails for another reason.
void write_all(int descriptor, std::string_view bytes);

}  // namespace osb::cli
