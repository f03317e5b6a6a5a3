// Bytes into files and out of them.
#include <errno.h>
#include <opensandbox/files.h>
#include <string.h>

#include <charconv>
#include <fstream>

#include "calls/link.h"
#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/multipart.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

std::optional<std::string> number(const std::optional<uint64_t>& value) {
  return value ? std::optional(std::to_string(*value)) : std::nullopt;
}

Call download_call(const std::string& prefix, const std::string& path, const ReadOptions& options) {
  bool bytes = options.first_byte || options.last_byte;
  if (bytes && (options.first_line || options.lines))
    throw Error(ErrorCode::invalid_argument, "read " + path + ": bytes and lines exclude each other");
  QueryPairs pairs{{"path", not_blank(path, "path")},
                   {"offset", number(options.first_line)},
                   {"limit", number(options.lines)}};
  Call call = json_call("GET", prefix + "/files/download" + query(pairs), "read " + path);
  call.headers.set("Accept", "*/*");
  if (bytes)
    call.headers.set("Range", "bytes=" + std::to_string(options.first_byte.value_or(0)) + "-" +
                                  number(options.last_byte).value_or(""));
  call.expect = {200, 206};
  return call;
}

std::optional<uint64_t> content_length(const Stream& stream) {
  std::string_view text = stream.headers().get("Content-Length");
  uint64_t length = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || bad != std::errc()) return std::nullopt;
  return length;
}

std::string reason() { return errno ? strerror(errno) : "not possible"; }

ByteSource file_source(std::shared_ptr<std::ifstream> file, const std::filesystem::path& local) {
  return [file, local](std::span<char> room) -> size_t {
    file->read(room.data(), static_cast<std::streamsize>(room.size()));
    if (file->bad()) throw Error(ErrorCode::internal, "reading " + local.string() + ": " + reason());
    return static_cast<size_t>(file->gcount());
  };
}

}  // namespace

std::string Files::read(const std::string& path, const ReadOptions& options, std::stop_token stop) const {
  return link_->call_execd(download_call(prefix_, path, options), stop).body;
}

void Files::read_to(const std::string& path, const ByteSink& sink, const ReadOptions& options,
                    const Progress& progress, std::stop_token stop) const {
  Call call = download_call(prefix_, path, options);
  Client& client = *link_->client;
  Target target = link_->execd(stop);
  try {
    Stream stream = client.stream(target, call, Wait::until_stopped(stop));
    auto total = content_length(stream);
    uint64_t done = 0;
    for (auto piece = stream.read(client.wait(stop)); !piece.empty();
         piece = stream.read(client.wait(stop))) {
      sink(piece);
      done += piece.size();
      if (progress) progress(done, total);
    }
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, target);
  }
}

void Files::download(const std::string& path, const std::filesystem::path& local, const Progress& progress,
                     std::stop_token stop) const {
  std::filesystem::path partial = local;
  partial += ".part-" + random_key().substr(0, 8);
  try {
    errno = 0;
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    auto check = [&] {
      if (!file) throw Error(ErrorCode::internal, "writing " + local.string() + ": " + reason());
    };
    check();
    read_to(
        path,
        [&](std::string_view bytes) {
          file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
          check();
        },
        {}, progress, std::move(stop));
    file.close();
    check();
    std::error_code error;
    std::filesystem::rename(partial, local, error);
    if (error) throw Error(ErrorCode::internal, "writing " + local.string() + ": " + error.message());
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw;
  }
}

void Files::write(const std::string& path, std::string_view data, const Permissions& permissions,
                  std::stop_token stop) const {
  std::vector<FileWrite> entries(1);
  entries[0].path = path;
  entries[0].data = data;
  entries[0].permissions = permissions;
  write(std::move(entries), {}, std::move(stop));
}

void Files::write(std::vector<FileWrite> entries, const Progress& progress, std::stop_token stop) const {
  if (entries.empty()) return;
  Call call;
  call.method = "POST";
  call.path = prefix_ + "/files/upload";
  call.doing = "write " + entries[0].path;
  set_upload(call, std::move(entries), progress, link_->client->config().use_server_proxy);
  Target target = link_->execd(stop);
  Client& client = *link_->client;
  if (!call.source) {
    client.call(target, call, stop);
    return;
  }
  try {
    Stream stream = client.open(target, call, Wait::until_stopped(stop));
    Reply reply = stream.body(client.config().request_timeout, stop);
    if (!call.accepts(reply.status)) throw_answer_error(reply, call.doing);
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, target);
  }
}

void Files::upload(const std::filesystem::path& local, const std::string& path,
                   const Permissions& permissions, const Progress& progress, std::stop_token stop) const {
  errno = 0;
  auto file = std::make_shared<std::ifstream>(local, std::ios::binary);
  std::error_code error;
  auto size = std::filesystem::file_size(local, error);
  if (!*file || error)
    throw Error(ErrorCode::invalid_argument,
                "reading " + local.string() + ": " + (error ? error.message() : reason()));
  std::vector<FileWrite> entries(1);
  entries[0].path = path;
  entries[0].source = file_source(std::move(file), local);
  entries[0].size = size;
  entries[0].permissions = permissions;
  write(std::move(entries), progress, std::move(stop));
}

}  // namespace opensandbox
