#include "execd/files/text_replacement.h"

#include <string.h>

#include <algorithm>
#include <vector>

#include "execd/files/regular_file.h"
#include "execd/files/staged_file.h"

namespace osb::execd {

namespace {

void feed_file(TextReplacement& replacement, int fd, const std::string& path, bool stop_at_first) {
  std::vector<char> block(256 * 1024);
  for (uint64_t offset = 0;;) {
    size_t n = read_fully(fd, block, offset, path);
    replacement.feed({block.data(), n});
    offset += n;
    if (n < block.size() || (stop_at_first && replacement.count() > 0)) break;
  }
  replacement.finish();
}

}  // namespace

void TextReplacement::feed(std::string_view bytes) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::move(held_);
    joined += bytes;
    held_.clear();
    bytes = joined;
  }
  while (bytes.size() >= from_.size()) {
    const void* found = memmem(bytes.data(), bytes.size(), from_.data(), from_.size());
    if (!found) break;
    size_t at = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    ++count_;
    emit(bytes.substr(0, at));
    emit(to_);
    bytes.remove_prefix(at + from_.size());
  }
  size_t keep = std::min(bytes.size(), from_.size() - 1);
  emit(bytes.substr(0, bytes.size() - keep));
  held_ = bytes.substr(bytes.size() - keep);
}

void TextReplacement::finish() {
  emit(held_);
  held_.clear();
}

uint64_t replace_in_file(const std::string& path, const std::string& from, const std::string& to) {
  struct stat st{};
  Fd fd = open_regular(path, st);
  TextReplacement search(from, to, [](std::string_view) {});
  feed_file(search, fd.get(), path, true);
  if (search.count() == 0) return 0;

  StagedFile staged(path);
  TextReplacement replacement(from, to, [&staged](std::string_view bytes) { staged.write(bytes); });
  feed_file(replacement, fd.get(), path, false);
  staged.commit();
  return replacement.count();
}

}  // namespace osb::execd
