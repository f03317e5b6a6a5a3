#include "execd/files/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <algorithm>

#include "base/json_text.h"
#include "execd/files/byte_range.h"
#include "execd/files/failure.h"
#include "execd/files/line_window.h"
#include "execd/files/regular_file.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

bool by_lines(const DownloadRequest& request) { return request.first_line || request.line_count; }

LineWindow window_of(const DownloadRequest& request) {
  return LineWindow(request.first_line.value_or(1), request.line_count.value_or(0));
}

// Size and time of the last change, in hexadecimal: a file that is replaced or written to gets another one.
std::string etag_of(const struct stat& st) {
  char text[64];
  snprintf(text, sizeof text, "\"%llx-%llx.%lx\"", static_cast<unsigned long long>(st.st_size),
           static_cast<unsigned long long>(st.st_mtim.tv_sec),
           static_cast<unsigned long>(st.st_mtim.tv_nsec));
  return text;
}

}  // namespace

std::string content_disposition(std::string_view name) {
  bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!plain) {
    std::string encoded = http::percent_encode(name);
    return "attachment; filename=\"" + encoded + "\"; filename*=UTF-8''" + encoded;
  }
  std::string out = "attachment; filename=\"";
  for (char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Download::Download(const DownloadRequest& request) : path_(request.path) {
  if (by_lines(request) && request.range)
    throw bad_file("reading " + path_ + ": a Range cannot be combined with lines", "INVALID_REQUEST_BODY");
  struct stat st{};
  file_ = std::make_shared<const Fd>(open_regular(path_, st));
  version_ = {etag_of(st), st.st_mtime};
  if (!by_lines(request) && !conditions_hold(request)) return;
  uint64_t size = static_cast<uint64_t>(st.st_size);
  if (size > kBlock) {
    serve_file(request, size);
    return;
  }
  // Small, or a file of /proc or /sys whose size says nothing: what can be read is what there is.
  std::string content(kBlock + 1, '\0');
  content.resize(read_fully(file_->get(), content, 0, path_));
  if (content.size() <= kBlock) {
    serve_memory(request, std::move(content));
  } else if (by_lines(request)) {
    serve_file(request, 0);
  } else {  // of unknown length: chunked, and without ranges
    response_.headers.add("Content-Type", "application/octet-stream");
    response_.headers.add("Content-Disposition", content_disposition(sys::base_name(path_)));
  }
}

void Download::serve_memory(const DownloadRequest& request, std::string content) {
  uint64_t begin = 0, length = content.size();
  complete_ = true;
  if (by_lines(request)) {
    LineWindow window = window_of(request);
    if (window.feed(content)) window.finish();
    begin = window.begin();
    length = window.length();
    response_.headers.add("Content-Type", "text/plain; charset=utf-8");
  } else {
    serve_slice(request, content.size(), begin, length);
    if (response_.status == 416) return;
  }
  response_.body = std::move(content);
  response_.body.resize(begin + length);
  response_.body.erase(0, begin);
}

void Download::serve_file(const DownloadRequest& request, uint64_t size) {
  uint64_t begin = 0, length = size;
  if (by_lines(request)) {
    LineWindow window = window_of(request);
    std::vector<char> block(kBlock);
    uint64_t at = 0;
    for (size_t n = kBlock; n == kBlock; at += n) {
      n = read_fully(file_->get(), block, at, path_);
      if (!window.feed({block.data(), n})) break;
    }
    window.finish();
    begin = window.begin();
    length = window.length();
    response_.headers.add("Content-Type", "text/plain; charset=utf-8");
  } else {
    serve_slice(request, size, begin, length);
  }
  if (response_.status == 416 || length == 0) {
    complete_ = true;
    return;
  }
  response_.headers.add("Content-Length", std::to_string(length));
  region_ = {file_, begin, length};
  ::posix_fadvise(file_->get(), static_cast<off_t>(begin), static_cast<off_t>(length), POSIX_FADV_SEQUENTIAL);
}

// Headers and slice of a download by bytes.
void Download::serve_slice(const DownloadRequest& request, uint64_t size, uint64_t& begin, uint64_t& length) {
  http::Headers& headers = response_.headers;
  ByteRange range;
  RangeKind kind = RangeKind::slice;
  bool ranged = request.range && request.conditions.range_counts(version_);
  if (ranged) kind = read_range(*request.range, size, range);
  if (kind == RangeKind::malformed)
    return refuse_range("UNKNOWN", "reading the Range: not of the form bytes=a-b", size);
  bool whole = !ranged || (kind == RangeKind::unsatisfiable && size == 0);
  if (kind == RangeKind::unsatisfiable && !whole)
    return refuse_range("RANGE_NOT_SATISFIABLE", "reading the Range: it lies behind the end of the file",
                        size);

  headers.add("Content-Type", "application/octet-stream");
  headers.add("Content-Disposition", content_disposition(sys::base_name(path_)));
  if (whole) {
    headers.add("Accept-Ranges", "bytes");
    add_version();
    return;
  }
  add_version();
  begin = range.begin;
  length = range.length;
  response_.status = 206;
  headers.add("Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(begin + length - 1) +
                                   "/" + std::to_string(size));
}

void Download::add_version() {
  response_.headers.add("Last-Modified", http_date(version_.modified));
  response_.headers.add("ETag", version_.etag);
}

// False if the response is complete without the file: 304 or 412.
bool Download::conditions_hold(const DownloadRequest& request) {
  switch (request.conditions.judge(version_)) {
    case DownloadConditions::Verdict::serve:
      return true;
    case DownloadConditions::Verdict::not_modified:
      response_.status = 304;
      add_version();
      break;
    case DownloadConditions::Verdict::failed:
      refuse(412, "PRECONDITION_FAILED", "reading " + path_ + ": it is another version");
  }
  complete_ = true;
  return false;
}

void Download::refuse(int status, std::string_view code, std::string_view message) {
  response_.status = status;
  response_.headers.add("Content-Type", "application/json; charset=utf-8");
  response_.body = "{\"code\":" + json_string(code) + ",\"message\":" + json_string(message) + "}";
}

void Download::refuse_range(std::string_view code, std::string_view message, uint64_t size) {
  refuse(416, code, message);
  response_.headers.add("Content-Range", "bytes */" + std::to_string(size));
}

std::string_view Download::read(std::vector<char>& buffer) {
  buffer.resize(kBlock);
  size_t n = read_fully(file_->get(), buffer, position_, path_);
  position_ += n;
  return {buffer.data(), n};
}

}  // namespace osb::execd
