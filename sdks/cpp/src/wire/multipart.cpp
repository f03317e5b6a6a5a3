#include "wire/multipart.h"

#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

constexpr size_t kPartPiece = 64 * 1024;

// For a quoted file name in a header.
std::string quoted_name(const std::string& path, bool full) {
  std::string name = full ? path : path.substr(path.rfind('/') + 1);
  if (name.empty()) name = "file";
  std::string out;
  for (char c : name) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\r' || c == '\n' || c == '\0' ? '_' : c;
  }
  return out;
}

std::string metadata(const FileWrite& entry) {
  Object object{{"path", not_blank(entry.path, "path")}, {"mode", mode_digits(entry.permissions.mode)}};
  if (!entry.permissions.owner.empty()) object["owner"] = entry.permissions.owner;
  if (!entry.permissions.group.empty()) object["group"] = entry.permissions.group;
  return osb::json::serialize(object);
}

// What goes out, piece by piece: the heads between the files, and the files.
class Form {
 public:
  Form(std::vector<FileWrite> entries, const std::string& boundary, bool full_names, Progress progress)
      : entries_(std::move(entries)), progress_(std::move(progress)) {
    for (const FileWrite& entry : entries_)
      heads_.push_back("--" + boundary +
                       "\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\n"
                       "Content-Type: application/json\r\n\r\n" +
                       metadata(entry) + "\r\n--" + boundary +
                       "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
                       quoted_name(entry.path, full_names) +
                       "\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    heads_.push_back("--" + boundary + "--\r\n");
    measure();
  }

  std::optional<uint64_t> length() const { return length_; }

  std::string next() {
    if (in_file_) {
      std::string piece = file_piece();
      if (!piece.empty()) return tell(std::move(piece));
      in_file_ = false;
      ++at_;
      return "\r\n" + head();
    }
    return at_ == 0 && !begun_ ? head() : "";
  }

  std::string all() {
    std::string body;
    for (std::string piece = next(); !piece.empty(); piece = next()) body += piece;
    return body;
  }

 private:
  std::string head() {
    begun_ = true;
    in_file_ = at_ < entries_.size();
    done_in_file_ = 0;
    return heads_[at_];
  }

  std::string file_piece() {
    FileWrite& entry = entries_[at_];
    if (!entry.source) {
      std::string piece = entry.data.substr(done_in_file_, kPartPiece);
      done_in_file_ += piece.size();
      return piece;
    }
    std::string piece(kPartPiece, '\0');
    piece.resize(entry.source(std::span(piece.data(), piece.size())));
    done_in_file_ += piece.size();
    if (entry.size && (done_in_file_ > *entry.size || (piece.empty() && done_in_file_ < *entry.size)))
      throw Error(ErrorCode::invalid_argument,
                  "write " + entry.path + ": the source gave another number of bytes than its size");
    return piece;
  }

  std::string tell(std::string piece) {
    done_ += piece.size();
    if (progress_) progress_(done_, data_);
    return piece;
  }

  void measure() {
    uint64_t data = 0;
    for (const FileWrite& entry : entries_) {
      if (entry.source && !entry.size) return;
      data += entry.source ? *entry.size : entry.data.size();
    }
    data_ = length_ = data;
    for (const std::string& head : heads_) *length_ += head.size();
    *length_ += 2 * entries_.size();
  }

  std::vector<FileWrite> entries_;
  Progress progress_;
  std::vector<std::string> heads_;  // one before each file, and the end
  std::optional<uint64_t> length_, data_;
  size_t at_ = 0;
  bool begun_ = false, in_file_ = false;
  uint64_t done_in_file_ = 0, done_ = 0;
};

}  // namespace

void set_upload(Call& call, std::vector<FileWrite> entries, const Progress& progress, bool full_names) {
  bool streamed = progress != nullptr;
  for (const FileWrite& entry : entries) streamed = streamed || entry.source;
  std::string boundary = "opensandbox_" + random_key();
  auto form = std::make_shared<Form>(std::move(entries), boundary, full_names, progress);
  call.content_type = "multipart/form-data; boundary=" + boundary;
  if (streamed)
    call.source = BodySource{[form] { return form->next(); }, form->length()};
  else
    call.body = form->all();
}

}  // namespace opensandbox::detail
