#include "execd/files/file_info.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "execd/files/mode.h"

namespace osb::execd {

namespace {

std::string_view type_of(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "symlink";
  return "other";
}

// Times that 64 bits of nanoseconds cannot hold (years before 1678 or after 2261) are cut to the nearest that
// can.
std::string time_text(const timespec& t) {
  constexpr int64_t kLimit = INT64_MAX / 1'000'000'000 - 1;
  int64_t seconds = std::min(std::max<int64_t>(t.tv_sec, -kLimit), kLimit);
  return rfc3339_nanos(TimePoint(std::chrono::seconds(seconds) + std::chrono::nanoseconds(t.tv_nsec)));
}

}  // namespace

void append_file_info(std::string& out, std::string_view path, const struct stat& st,
                      const Accounts& accounts) {
  out += R"({"path":)";
  append_json_string(out, path);
  out.append(R"(,"type":")").append(type_of(st.st_mode));
  out.append(R"(","size":)").append(std::to_string(st.st_size));
  out.append(R"(,"modified_at":")").append(time_text(st.st_mtim));
  out.append(R"(","created_at":")").append(time_text(st.st_ctim));
  out += R"(","owner":)";
  append_json_string(out, accounts.user_name(st.st_uid));
  out += R"(,"group":)";
  append_json_string(out, accounts.group_name(st.st_gid));
  out.append(R"(,"mode":)").append(std::to_string(digits_from_mode(st.st_mode))).append("}");
}

}  // namespace osb::execd
