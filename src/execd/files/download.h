// What a download answers and where its bytes come from. Everything here waits for the disk: it belongs on a
// worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "execd/files/download_conditions.h"
#include "http/message.h"
#include "net/stream.h"

namespace osb::execd {

struct DownloadRequest {
  std::string path;                    // absolute
  std::optional<std::string> range;    // Range header
  DownloadConditions conditions;       // for whole files and ranges
  std::optional<uint64_t> first_line;  // line mode if either is set: 1-based
  std::optional<uint64_t> line_count;
};

class Download {
 public:
  // Opens the file and decides. Throws Error: FILE_NOT_FOUND, invalid for what is not a regular file, and for
  // a Range together with lines.
  explicit Download(const DownloadRequest& request);

  // A small file is complete at once: everything is in response().body. Otherwise the head is for start(),
  // and the body is the region or, where the length is not known, what read() gives.
  bool complete() const { return complete_; }
  http::Response& response() { return response_; }
  const std::optional<net::FileRegion>& region() const { return region_; }

  // The next piece of a body of unknown length, at most kBlock bytes; empty at its end.
  std::string_view read(std::vector<char>& buffer);

  static constexpr size_t kBlock = 256 * 1024;

 private:
  void serve_memory(const DownloadRequest& request, std::string content);
  void serve_file(const DownloadRequest& request, uint64_t size);
  void serve_slice(const DownloadRequest& request, uint64_t size, uint64_t& begin, uint64_t& length);
  bool conditions_hold(const DownloadRequest& request);
  void add_version();
  void refuse(int status, std::string_view code, std::string_view message);
  void refuse_range(std::string_view code, std::string_view message, uint64_t size);

  std::string path_;
  std::shared_ptr<const Fd> file_;
  Version version_;
  http::Response response_;
  bool complete_ = false;
  std::optional<net::FileRegion> region_;
  uint64_t position_ = 0;  // of read()
};

// attachment; filename="…" for any name: quotes and backslashes escaped; for other than printable ASCII both
// forms percent-encoded (RFC 6266, RFC 5987), so that no byte of a name can end the header.
std::string content_disposition(std::string_view name);

}  // namespace osb::execd
