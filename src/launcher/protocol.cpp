// One packet: kind (u8), number (u64), then the fields of that kind in the order of `fields()`; integers are
// little-endian, a string is a u32 length and its bytes. The same `fields()` drives the writer and the
// reader, so the two cannot drift apart. The reader accepts exactly what the writer makes: no spare bytes, no
// other spelling of a bool, no id that could leave its directory.
#include "launcher/protocol.h"

#include <algorithm>
#include <concepts>
#include <type_traits>

namespace osb::launcher {

namespace {

enum class Kind : uint8_t {
  create = 1,
  destroy,
  pause,
  resume,
  list,
  store_image,
  remove_image,
  archive_piece,
  archive_end,
  error = 64,
  done,
  sandbox,
  list_part,
  hello,
  exit,
  image,
};

constexpr size_t kMaxId = 64;
constexpr size_t kMaxImage = 255;
constexpr size_t kMaxAddress = 64;
constexpr size_t kMaxText = 4096;  // for people: cut on the way out

[[noreturn]] void refuse(std::string_view what) {
  throw Error(ErrorCode::invalid, "reading a launcher packet: " + std::string(what));
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Empty (the host image) or one path component that names a directory.
bool is_image(std::string_view image) {
  return image.size() <= kMaxImage && image != "." && image != ".." &&
         image.find_first_of(std::string_view("/\0", 2)) == image.npos;
}

class Writer {
 public:
  template <std::integral T>
  void number(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (size_t i = 0; i < sizeof(T); ++i)
      out_ += static_cast<char>((static_cast<uint64_t>(bits) >> (8 * i)) & 0xff);
  }
  void flag(bool value) { number<uint8_t>(value ? 1 : 0); }
  template <class E>
  void choice(E value, E last) {
    if (value > last) refuse("unknown enumerator");
    number(static_cast<uint8_t>(value));
  }
  void limit(int64_t value) {
    if (value < 0) refuse("negative limit");
    number(value);
  }
  void bytes(std::string_view text, size_t max) {
    if (text.size() > max)
      throw Error(ErrorCode::too_large, "writing a launcher packet: a field is too long");
    number(static_cast<uint32_t>(text.size()));
    out_ += text;
  }
  void text(std::string_view text) { bytes(text.substr(0, kMaxText), kMaxText); }
  void id(std::string_view id) {
    if (!is_id(id)) refuse("malformed sandbox id");
    bytes(id, kMaxId);
  }
  void image(std::string_view image) {
    if (!is_image(image)) refuse("malformed image name");
    bytes(image, kMaxImage);
  }
  template <class T, class Each>
  void list(std::vector<T>& items, Each each) {
    number(static_cast<uint32_t>(items.size()));
    for (T& item : items) each(item);
  }
  std::string take() {
    if (out_.size() > kMaxPacket)
      throw Error(ErrorCode::too_large, "writing a launcher packet: it is too large");
    return std::move(out_);
  }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view packet) : rest_(packet) {
    if (packet.size() > kMaxPacket) refuse("too large");
  }
  template <std::integral T>
  void number(T& value) {
    std::string_view raw = take(sizeof(T));
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      bits |= static_cast<uint64_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
    value = static_cast<T>(bits);
  }
  void flag(bool& value) {
    uint8_t raw = 0;
    number(raw);
    if (raw > 1) refuse("malformed flag");
    value = raw == 1;
  }
  template <class E>
  void choice(E& value, E last) {
    uint8_t raw = 0;
    number(raw);
    if (raw > static_cast<uint8_t>(last)) refuse("unknown enumerator");
    value = static_cast<E>(raw);
  }
  void limit(int64_t& value) {
    number(value);
    if (value < 0) refuse("negative limit");
  }
  void bytes(std::string& text, size_t max) {
    uint32_t size = 0;
    number(size);
    if (size > max) refuse("a field is too long");
    text = take(size);
  }
  void text(std::string& text) { bytes(text, kMaxText); }
  void id(std::string& id) {
    bytes(id, kMaxId);
    if (!is_id(id)) refuse("malformed sandbox id");
  }
  void image(std::string& image) {
    bytes(image, kMaxImage);
    if (!is_image(image)) refuse("malformed image name");
  }
  template <class T, class Each>
  void list(std::vector<T>& items, Each each) {
    uint32_t count = 0;
    number(count);
    // Every item takes bytes, so a false count runs out of packet before it runs out of memory.
    for (uint32_t i = 0; i < count; ++i) each(items.emplace_back());
  }
  void finish() const {
    if (!rest_.empty()) refuse("bytes after the end");
  }

 private:
  std::string_view take(size_t size) {
    if (size > rest_.size()) refuse("cut short");
    std::string_view head = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return head;
  }
  std::string_view rest_;
};

template <class C>
void fields(C& codec, SandboxInfo& info) {
  codec.id(info.id);
  codec.choice(info.state, SandboxState::exited);
  codec.bytes(info.address, kMaxAddress);
  codec.number(info.pid);
  codec.number(info.exit_code);
  codec.text(info.exit_reason);
}
template <class C>
void fields(C& codec, CreateRequest& request) {
  codec.id(request.id);
  codec.image(request.image);
  codec.bytes(request.boot, kMaxPacket);
  codec.limit(request.cpu_millis);
  codec.limit(request.memory_bytes);
  codec.limit(request.pids);
}
template <class C>
void fields(C& codec, DestroyRequest& request) {
  codec.id(request.id);
}
template <class C>
void fields(C& codec, PauseRequest& request) {
  codec.id(request.id);
}
template <class C>
void fields(C& codec, ResumeRequest& request) {
  codec.id(request.id);
}
template <class C>
void fields(C&, ListRequest&) {}
template <class C>
void fields(C& codec, StoreImageRequest& request) {
  codec.bytes(request.name, kMaxText);
  codec.flag(request.replace);
  codec.limit(request.max_bytes);
}
template <class C>
void fields(C& codec, RemoveImageRequest& request) {
  codec.bytes(request.name, kMaxText);
}
template <class C>
void fields(C& codec, ArchivePiece& piece) {
  codec.bytes(piece.bytes, kMaxPiece);
}
template <class C>
void fields(C&, ArchiveEnd&) {}
template <class C>
void fields(C& codec, ErrorReply& reply) {
  codec.choice(reply.code, ErrorCode::internal);
  codec.text(reply.message);
}
template <class C>
void fields(C&, DoneReply&) {}
template <class C>
void fields(C& codec, SandboxReply& reply) {
  fields(codec, reply.sandbox);
}
template <class C>
void fields(C& codec, ListReply& reply) {
  codec.list(reply.sandboxes, [&](SandboxInfo& info) { fields(codec, info); });
  codec.flag(reply.more);
}
template <class C>
void fields(C& codec, ImageReply& reply) {
  codec.bytes(reply.name, kMaxText);
  codec.text(reply.created);
  codec.limit(reply.size);
}
template <class C>
void fields(C& codec, HelloEvent& event) {
  codec.number(event.version);
  codec.id(event.boot_id);
}
template <class C>
void fields(C& codec, ExitEvent& event) {
  fields(codec, event.sandbox);
}

Kind kind_of(const CreateRequest&) { return Kind::create; }
Kind kind_of(const DestroyRequest&) { return Kind::destroy; }
Kind kind_of(const PauseRequest&) { return Kind::pause; }
Kind kind_of(const ResumeRequest&) { return Kind::resume; }
Kind kind_of(const ListRequest&) { return Kind::list; }
Kind kind_of(const StoreImageRequest&) { return Kind::store_image; }
Kind kind_of(const RemoveImageRequest&) { return Kind::remove_image; }
Kind kind_of(const ArchivePiece&) { return Kind::archive_piece; }
Kind kind_of(const ArchiveEnd&) { return Kind::archive_end; }
Kind kind_of(const ErrorReply&) { return Kind::error; }
Kind kind_of(const DoneReply&) { return Kind::done; }
Kind kind_of(const SandboxReply&) { return Kind::sandbox; }
Kind kind_of(const ListReply&) { return Kind::list_part; }
Kind kind_of(const HelloEvent&) { return Kind::hello; }
Kind kind_of(const ExitEvent&) { return Kind::exit; }
Kind kind_of(const ImageReply&) { return Kind::image; }

bool is_event(const ReplyBody& body) {
  return std::holds_alternative<HelloEvent>(body) || std::holds_alternative<ExitEvent>(body);
}

void check_number(const Request& request) {
  if (request.number == 0) refuse("request without a number");
}
void check_number(const Reply& reply) {
  if (is_event(reply.body) != (reply.number == 0)) refuse("wrong number");
}

template <class Message>
std::string encode_message(Message message) {  // a copy: fields() takes mutable references
  check_number(message);
  Writer writer;
  std::visit(
      [&](auto& body) {
        writer.number(static_cast<uint8_t>(kind_of(body)));
        writer.number(message.number);
        fields(writer, body);
      },
      message.body);
  return writer.take();
}

// Picks the alternative of the variant whose kind is the packet's.
template <class Body, size_t I = 0>
Body body_of_kind(uint8_t kind) {
  if constexpr (I == std::variant_size_v<Body>) {
    refuse("unknown kind");
  } else {
    std::variant_alternative_t<I, Body> candidate{};
    if (static_cast<uint8_t>(kind_of(candidate)) == kind) return candidate;
    return body_of_kind<Body, I + 1>(kind);
  }
}

template <class Message>
Message decode_message(std::string_view packet) {
  Reader reader(packet);
  Message message;
  uint8_t kind = 0;
  reader.number(kind);
  reader.number(message.number);
  message.body = body_of_kind<decltype(message.body)>(kind);
  std::visit([&](auto& body) { fields(reader, body); }, message.body);
  reader.finish();
  check_number(message);
  return message;
}

}  // namespace

std::string encode(const Request& request) { return encode_message(request); }
std::string encode(const Reply& reply) { return encode_message(reply); }
Request decode_request(std::string_view packet) { return decode_message<Request>(packet); }
Reply decode_reply(std::string_view packet) { return decode_message<Reply>(packet); }

}  // namespace osb::launcher
