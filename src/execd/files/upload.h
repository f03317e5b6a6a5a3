// One multipart upload: form bytes in, files on disk. No network and no loop inside; feed() writes to the
// disk and may take as long as the disk does.
//
// Parts named "metadata" (JSON: path, mode, owner, group) and "file" pair up in order; a file's metadata must
// come before it, since files are streamed to where they belong. The target is metadata.path and nothing
// else. A file part with a Content-Length must be just as long. Each file appears complete or not at all;
// those of earlier pairs stay when a later one fails.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "execd/files/multipart_parser.h"
#include "execd/files/permission.h"
#include "execd/files/requested_path.h"
#include "execd/files/staged_file.h"

namespace osb::execd {

class Upload : private MultipartParser::Events {
 public:
  // Throws Error(invalid, INVALID_FILE) if the Content-Type is not that of a form. `rules` outlives the
  // upload.
  Upload(std::string_view content_type, const PathRules& rules);

  // Throws Error: INVALID_FILE, INVALID_FILE_METADATA, DISK_FULL, RUNTIME_ERROR. After a throw the upload is
  // spent.
  void feed(std::string_view bytes);
  // The body has ended. Throws Error if the form is not complete or parts are missing.
  void finish();

  // A file under a hidden name is not put in place yet; its end removes it, unless it was abandoned.
  bool hides_a_name() const { return file_ && file_->hides_a_name(); }
  void abandon() {
    if (file_) file_->abandon();
  }

  static constexpr size_t kMaxMetadata = 64 * 1024;
  static constexpr size_t kMaxWaiting = 1024;  // metadata parts ahead of their files

 private:
  struct Target {
    std::string path;
    Permission permission;
  };
  enum class Kind { ignored, metadata, file };

  void on_part(MultipartParser::Part part) override;
  void on_data(std::string_view bytes) override;
  void on_part_end() override;
  void begin_file(const MultipartParser::Part& part);
  void end_file();
  void read_metadata();
  const Accounts& accounts();

  const PathRules& rules_;
  std::unique_ptr<MultipartParser> parser_;
  std::optional<Accounts> accounts_;  // read when an owner is named
  Kind kind_ = Kind::ignored;
  std::string metadata_;
  std::deque<Target> targets_;
  std::unique_ptr<StagedFile> file_;
  std::optional<bool> nameless_;      // asked once
  std::optional<uint64_t> promised_;  // length of the file, where its part tells one
  uint64_t received_ = 0;
  size_t metadata_count_ = 0;
  size_t file_count_ = 0;
};

}  // namespace osb::execd
