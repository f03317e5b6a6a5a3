#include "execd/files/upload.h"

#include <algorithm>

#include "base/json.h"
#include "execd/files/failure.h"
#include "execd/request_body.h"

namespace osb::execd {

namespace {

constexpr std::string_view kBadMetadata = "INVALID_FILE_METADATA";

struct Metadata {
  std::optional<std::string> path;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<int64_t> mode;
};
BOOST_DESCRIBE_STRUCT(Metadata, (), (path, owner, group, mode))

Error bad_metadata(std::string message) { return bad_file(std::move(message), std::string(kBadMetadata)); }

}  // namespace

Upload::Upload(std::string_view content_type, const PathRules& rules) : rules_(rules) {
  std::optional<std::string> boundary = MultipartParser::boundary_of(content_type);
  if (!boundary) throw bad_file("reading the upload: it is not a multipart form", "INVALID_FILE");
  MultipartParser::Events& events = *this;
  parser_ = std::make_unique<MultipartParser>(*boundary, events);
}

// In pieces that stay in the processor's cache between the search for the boundary and the write.
void Upload::feed(std::string_view bytes) {
  constexpr size_t kPiece = 128 * 1024;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kPiece, bytes.size())))
    parser_->feed(bytes.substr(0, kPiece));
}

void Upload::finish() {
  if (!parser_->started()) throw bad_file("reading the upload: the multipart form is empty", "INVALID_FILE");
  if (!parser_->complete())
    throw bad_file("reading the upload: the multipart form is cut off", "INVALID_FILE");
  if (metadata_count_ == 0) throw bad_metadata("reading the upload: the metadata part is missing");
  if (file_count_ == 0)
    throw bad_file("reading the upload: the file part is missing", "INVALID_FILE_CONTENT");
  if (file_count_ != metadata_count_)
    throw bad_file("reading the upload: " + std::to_string(metadata_count_) + " metadata parts, but " +
                       std::to_string(file_count_) + " files",
                   "INVALID_FILE");
}

void Upload::on_part(MultipartParser::Part part) {
  kind_ = Kind::ignored;
  if (part.name == "metadata") {
    kind_ = Kind::metadata;
    metadata_.clear();
    if (targets_.size() == kMaxWaiting)
      throw bad_metadata("reading the upload: too many metadata parts in a row");
  } else if (part.name == "file") {
    kind_ = Kind::file;
    begin_file(part);
  }
}

void Upload::begin_file(const MultipartParser::Part& part) {
  if (targets_.empty()) throw bad_metadata("reading the upload: a file without metadata in front of it");
  Target target = std::move(targets_.front());
  targets_.pop_front();
  bool owned = target.permission.owner || target.permission.group;
  const Accounts none("", "");
  FileAttributes attributes =
      attributes_of(target.permission, owned ? accounts() : none, true, std::string(kBadMetadata));
  if (!nameless_) nameless_ = StagedFile::can_be_nameless();
  file_ = std::make_unique<StagedFile>(target.path, attributes, *nameless_);
  promised_ = part.length;
  received_ = 0;
  ++file_count_;
}

void Upload::end_file() {
  if (promised_ && *promised_ != received_)
    throw bad_file("reading the upload: a file of " + std::to_string(received_) + " bytes was to have " +
                       std::to_string(*promised_),
                   "INVALID_FILE");
  file_->commit();
  file_.reset();
}

void Upload::on_data(std::string_view bytes) {
  if (kind_ == Kind::file) {
    file_->write(bytes);
    received_ += bytes.size();
  }
  if (kind_ != Kind::metadata) return;
  if (metadata_.size() + bytes.size() > kMaxMetadata)
    throw bad_metadata("reading the metadata: longer than 64 KiB");
  metadata_ += bytes;
}

void Upload::on_part_end() {
  if (kind_ == Kind::metadata) read_metadata();
  if (kind_ == Kind::file) end_file();
}

void Upload::read_metadata() {
  Metadata metadata;
  try {
    metadata = read_request<Metadata>(metadata_);
  } catch (const Error& e) {
    throw bad_metadata("reading the metadata: " + e.message());
  }
  if (!metadata.path || metadata.path->empty()) throw bad_metadata("reading the metadata: the path is empty");
  if (metadata.path->ends_with('/'))
    throw bad_metadata("reading the metadata: " + *metadata.path + " names a directory");
  Target target{rules_.resolve(*metadata.path, std::string(kBadMetadata)),
                {metadata.owner, metadata.group, metadata.mode}};
  // A bad mode is an error of the metadata, known before its file arrives.
  attributes_of({{}, {}, metadata.mode}, Accounts("", ""), true, std::string(kBadMetadata));
  targets_.push_back(std::move(target));
  ++metadata_count_;
}

const Accounts& Upload::accounts() {
  if (!accounts_) accounts_ = Accounts::load();
  return *accounts_;
}

}  // namespace osb::execd
