#include "osb/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/fd.h"
#include "base/json_text.h"
#include "osb/duration_words.h"
#include "osb/output.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

enum class Kind { text, protocol, seconds, truth, life };

struct Field {
  std::string_view name;
  Kind kind;
};

constexpr Field kFields[] = {
    {"connection.api_key", Kind::text},
    {"connection.domain", Kind::text},
    {"connection.protocol", Kind::protocol},
    {"connection.request_timeout", Kind::seconds},
    {"connection.use_server_proxy", Kind::truth},
    {"output.color", Kind::truth},
    {"defaults.image", Kind::text},
    {"defaults.timeout", Kind::life},
};

const Field& field_of(std::string_view name) {
  std::string known;
  for (const Field& field : kFields) {
    if (field.name == name) return field;
    known += (known.empty() ? "" : ", ") + std::string(field.name);
  }
  throw UsageProblem("\"" + std::string(name) + "\" is no setting", "one of " + known);
}

std::string truth(std::string_view name, std::string_view value) {
  for (std::string_view yes : {"true", "1", "yes", "on"})
    if (value == yes) return "true";
  for (std::string_view no : {"false", "0", "no", "off"})
    if (value == no) return "false";
  throw UsageProblem(std::string(name) + ": expected true or false, not \"" + std::string(value) + "\"");
}

std::string seconds(std::string_view name, std::string_view value) {
  int number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > 86400)
    throw UsageProblem(std::string(name) + ": expected 1 to 86400 seconds, not \"" + std::string(value) +
                       "\"");
  return std::to_string(number);
}

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// "connection" of "[connection] # words"; empty if the line is no head of a table.
std::string_view section_of(std::string_view line) {
  line = trimmed(line);
  size_t close = line.find(']');
  if (line.empty() || line[0] != '[' || close == std::string_view::npos) return {};
  return trimmed(line.substr(1, close - 1));
}

bool assigns(std::string_view line, std::string_view key) {
  size_t equals = line.find('=');
  return equals != std::string_view::npos && trimmed(line.substr(0, equals)) == key;
}

// Where a comment begins behind a value of one line; npos if there is none.
size_t comment_at(std::string_view line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quote == '"' && line[i] == '\\') {
      ++i;
    } else if (quote) {
      if (line[i] == quote) quote = 0;
    } else if (line[i] == '"' || line[i] == '\'') {
      quote = line[i];
    } else if (line[i] == '#') {
      return i;
    }
  }
  return std::string_view::npos;
}

std::string reassigned(const std::string& line, const std::string& value) {
  std::string out = line.substr(0, line.find('=')) + "= " + value;
  size_t comment = comment_at(line);
  return comment == std::string::npos ? out : out + "  " + line.substr(comment);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

[[noreturn]] void fail_config(const std::string& doing) {
  throw Problem("CONFIGURATION", doing + ": " + ::strerror(errno));
}

}  // namespace

std::string_view config_template() {
  return "# Configuration of osb. Flags and environment variables have the last word.\n"
         "\n"
         "[connection]\n"
         "# api_key = \"\"              # OPEN_SANDBOX_API_KEY\n"
         "# domain = \"localhost:8080\"  # OPEN_SANDBOX_DOMAIN\n"
         "# protocol = \"http\"         # or \"https\"; OPEN_SANDBOX_PROTOCOL\n"
         "# request_timeout = 30      # seconds; OPEN_SANDBOX_REQUEST_TIMEOUT\n"
         "# use_server_proxy = false  # reach sandboxes through the server; OPEN_SANDBOX_USE_SERVER_PROXY\n"
         "\n"
         "[output]\n"
         "# color = true\n"
         "\n"
         "[defaults]\n"
         "# image = \"host\"            # of new sandboxes\n"
         "# timeout = \"10m\"           # life of new sandboxes; \"none\": until they are killed\n";
}

std::string toml_value(std::string_view name, std::string_view value) {
  switch (field_of(name).kind) {
    case Kind::truth:
      return truth(name, value);
    case Kind::seconds:
      return seconds(name, value);
    case Kind::protocol:
      if (value != "http" && value != "https")
        throw UsageProblem(std::string(name) + ": expected http or https, not \"" + std::string(value) +
                           "\"");
      break;
    case Kind::life:
      read_duration_or_none(name, value);
      break;
    case Kind::text:
      break;
  }
  return json_string(value);  // its escapes are TOML's too
}

std::string with_setting(const std::string& text, std::string_view name, const std::string& value) {
  std::string_view section = name.substr(0, name.find('.')), key = name.substr(name.find('.') + 1);
  std::vector<std::string> lines = lines_of(text);
  std::string current;
  size_t head = 0;  // the line behind the section's head
  bool done = false;
  for (size_t i = 0; i < lines.size() && !done; ++i) {
    if (std::string_view begins = section_of(lines[i]); !begins.empty()) current = begins;
    if (current != section) continue;
    if (!head) head = i + 1;
    if (!assigns(lines[i], key)) continue;
    lines[i] = reassigned(lines[i], value);
    done = true;
  }
  std::string line = std::string(key) + " = " + value;
  if (!done && head) {
    lines.insert(lines.begin() + static_cast<ptrdiff_t>(head), line);
  } else if (!done) {
    if (!lines.empty()) lines.emplace_back();
    lines.push_back("[" + std::string(section) + "]");
    lines.push_back(line);
  }
  std::string out;
  for (const std::string& each : lines) out += each + "\n";
  return out;
}

std::string read_config(const std::string& path) {
  std::ifstream file(path);
  if (!file && errno == ENOENT) return {};
  if (!file) fail_config("opening " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_config(const std::string& path, const std::string& text) {
  if (path.empty()) throw Problem("CONFIGURATION", "HOME is not set", "name the file: --config FILE");
  std::error_code error;
  std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  if (error) target = path;
  std::filesystem::create_directories(target.parent_path(), error);
  std::string temporary = target.string() + ".XXXXXX";
  Fd file(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (!file) fail_config("writing " + path);
  try {
    write_all(file.get(), text);
  } catch (const Problem&) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (::rename(temporary.c_str(), target.c_str()) < 0) {
    int cause = errno;
    ::unlink(temporary.c_str());
    errno = cause;
    fail_config("writing " + path);
  }
}

}  // namespace osb::cli
