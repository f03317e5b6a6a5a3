// Upload and download. Of an upload, the loop fills one of two blocks while a helper thread empties the
// other, so network and disk overlap and it holds two MiB at most, whatever its size. A download is sent by a
// helper thread and holds nothing; one of unknown length takes turns with two blocks as well.
#include <charconv>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "execd/files/download.h"
#include "execd/files/file_service.h"
#include "execd/files/upload.h"
#include "execd/files/upload_block.h"

namespace osb::execd {

namespace {

// Fills at least half of the block; true at the end of the body.
net::task<bool> fill(http::BodyReader& body, UploadBlock& block) {
  while (!block.half_full()) {
    size_t n = co_await body.read_some(block.room());
    if (n == 0) co_return true;
    block.committed(n);
  }
  co_return false;
}

// An upload that is given up removes what it hid, and that is a file call of its user as well: from the loop
// it goes to a thread of its own. Without one the hidden file, if it has a name, stays.
void end_upload(Upload* upload, const std::optional<sys::FileIdentity>& who) {
  if (!who || sys::ActAs::active() || !upload->hides_a_name()) {
    delete upload;
    return;
  }
  try {
    std::thread([upload, who] {
      try {
        run_as(who, [upload] { delete upload; });
      } catch (const Error& e) {
        upload->abandon();
        delete upload;
      }
    }).detach();
  } catch (const std::system_error& e) {
    log_warn("a partial upload is left behind", {{"error", e.what()}});
    upload->abandon();
    delete upload;
  }
}

std::shared_ptr<Upload> begin_upload(const Service& service, std::string_view content_type) {
  return {new Upload(content_type, service->rules),
          [service](Upload* upload) { end_upload(upload, service->identity); }};
}

// Reads one block while the other is on its way.
net::task<> send_to_its_end(Service service, std::shared_ptr<Download> file, http::ResponseWriter& response) {
  struct Piece {
    std::vector<char> buffer;
    std::string_view bytes;
  };
  auto reading = std::make_shared<Piece>();
  auto writing = std::make_shared<Piece>();
  auto read_next = [&service, &file, &reading] {
    return service->start([file, piece = reading] { piece->bytes = file->read(piece->buffer); },
                          Workers::Admission::continued);
  };
  auto job = read_next();
  while (true) {
    co_await Workers::wait(response.stream().executor(), job);
    std::swap(reading, writing);
    if (writing->bytes.empty()) break;
    job = read_next();
    co_await response.write(writing->bytes);
  }
}

// A whole number from 1. Throws Error(invalid).
std::optional<uint64_t> count_parameter(const http::Request& request, std::string_view name) {
  std::optional<std::string> text = request.query.find(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  auto [end, err] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (err != std::errc() || end != text->data() + text->size() || value < 1)
    throw Error(ErrorCode::invalid,
                "reading the query: " + std::string(name) + " " + *text + " is not a number from 1");
  return static_cast<uint64_t>(value);
}

}  // namespace

net::task<> handle_upload(Service service, http::Request& request, http::ResponseWriter& response) {
  auto executor = response.stream().executor();
  std::shared_ptr<Upload> upload = begin_upload(service, request.headers.get("Content-Type"));
  auto block = std::make_shared<UploadBlock>(UploadBlock::kSmall);
  auto other = std::make_shared<UploadBlock>(0);
  LargeUploads::Token large;
  std::shared_ptr<Workers::Job> job;
  for (bool ended = false; !ended;) {
    ended = co_await fill(*request.body, *block);
    if (job) co_await Workers::wait(executor, job);
    auto admission = job ? Workers::Admission::continued : Workers::Admission::fresh;
    job = service->start(
        [service, upload, block, ended] {
          upload->feed(block->bytes());
          if (ended) upload->finish();
        },
        admission);
    std::swap(block, other);
    if (!ended) block->follow(*other, *service->large_uploads, large);
  }
  co_await Workers::wait(executor, job);
  co_await response.send(empty_ok());
}

net::task<> handle_download(Service service, http::Request& request, http::ResponseWriter& response) {
  auto executor = response.stream().executor();
  DownloadRequest ask;
  ask.path = path_of(request);
  if (auto range = request.headers.find("Range")) ask.range = std::string(*range);
  ask.conditions = DownloadConditions(request.headers);
  ask.first_line = count_parameter(request, "offset");
  ask.line_count = count_parameter(request, "limit");

  auto file = co_await service->run(response, [service, ask]() mutable {
    ask.path = service->rules.resolve(ask.path);
    return std::make_shared<Download>(ask);
  });
  if (file->complete()) {
    co_await response.send(std::move(file->response()));
    co_return;
  }
  response.start(file->response().status, std::move(file->response().headers));
  if (file->region()) {
    co_await response.write_file(*file->region(), [service, executor](std::function<void()> work) {
      return service->run(executor, std::move(work), Workers::Admission::continued);
    });
  } else {
    co_await send_to_its_end(service, file, response);
  }
  co_await response.finish();
}

}  // namespace osb::execd
