// multipart/form-data as it arrives: bytes in, events out, nothing kept but the headers of the current part.
// Any cut of the input gives the same events (data may come in other pieces). No sockets, no files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::execd {

class MultipartParser {
 public:
  struct Part {
    std::string name;
    std::optional<std::string> filename;
    std::optional<uint64_t> length;  // what its Content-Length promises; it is not checked here
  };
  // Gets the events: on_part, on_data …, on_part_end, and again. What it throws goes through feed().
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_part(Part part) = 0;
    virtual void on_data(std::string_view bytes) = 0;  // never empty; valid during the call
    virtual void on_part_end() = 0;
  };

  // The boundary of a Content-Type "multipart/form-data; boundary=…"; nullopt if it is none, or the boundary
  // is empty or longer than 200 bytes.
  static std::optional<std::string> boundary_of(std::string_view content_type);

  MultipartParser(std::string_view boundary, Events& events);

  // Throws Error(invalid, INVALID_FILE) for a part without readable headers (a
  // Content-Length that is no number among them), headers beyond 16 KiB, and more
  // than 64 KiB in front of the first part. After a throw the parser is spent.
  void feed(std::string_view bytes);
  // The closing boundary was seen. What follows it is ignored.
  bool complete() const { return state_ == State::end; }
  // At least one boundary was seen.
  bool started() const { return state_ != State::preamble; }

  static constexpr size_t kMaxHeaders = 16 * 1024;
  static constexpr size_t kMaxPreamble = 64 * 1024;

 private:
  enum class State { preamble, behind_boundary, headers, data, end };

  size_t feed_data(std::string_view bytes);
  size_t feed_behind_boundary(std::string_view bytes);
  size_t feed_headers(std::string_view bytes);
  void begin_part(std::string_view headers);
  void emit(std::string_view bytes);
  void was_data();
  void expect_delimiter();

  Events& events_;
  std::string delimiter_;  // "\r\n--boundary"
  State state_ = State::preamble;
  bool in_part_ = false;  // between on_part and on_part_end
  size_t matched_ = 0;    // bytes of the delimiter seen at the end of the input so far
  size_t virtual_ = 0;    // of these, bytes at the front that were never part of the data
  size_t preamble_ = 0;
  std::string held_;  // what follows a delimiter until it is clear what it is; or headers
};

}  // namespace osb::execd
