#include "execd/pty/pty_routes.h"

#include <errno.h>
#include <sys/stat.h>

#include <charconv>
#include <optional>

#include "base/json.h"
#include "execd/environment.h"
#include "execd/files/failure.h"
#include "execd/pty/pty_client.h"
#include "execd/request_body.h"
#include "http/websocket_handshake.h"

namespace osb::execd {
namespace {

constexpr uint64_t kBodyBytes = 1024 * 1024;

struct CreateBody {
  std::string cwd;
  std::string command;
};
BOOST_DESCRIBE_STRUCT(CreateBody, (), (cwd, command))

struct CreateAnswer {
  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(CreateAnswer, (), (session_id))

struct StatusAnswer {
  std::string session_id;
  bool running = false;
  uint64_t output_offset = 0;
  std::optional<int> exit_code;
};
BOOST_DESCRIBE_STRUCT(StatusAnswer, (), (session_id, running, output_offset, exit_code))

http::Response json_response(int status, const json::Value& value) {
  return {status, {{"Content-Type", "application/json; charset=utf-8"}}, json::serialize(value)};
}

void make_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    ::mkdir(path.substr(0, slash).c_str(), 0777);
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return;
  bool of_disk = errno == ENOSPC || errno == EDQUOT || errno == EROFS;
  Error error = directory_error(path, errno);
  throw of_disk ? error : Error(ErrorCode::internal, error.message(), "RUNTIME_ERROR");
}

// The directory is made here, as clients expect, and checked again by each shell that starts.
std::string working_directory(const std::string& asked, const CommandDefaults& defaults) {
  if (asked.find('\0') != std::string::npos) refuse_body("cwd: cannot hold NUL");
  Environment environment = command_environment(defaults.environment, {});
  std::string path;
  try {
    path = expand_path(asked, environment);
  } catch (const Error& error) {
    refuse_body(error.message());
  }
  if (path.empty()) return resolve_directory("", defaults.cwd, {});
  if (!path.starts_with('/')) path = defaults.cwd + "/" + path;
  make_directories(path);
  return resolve_directory(path, defaults.cwd, {});
}

std::shared_ptr<PtySession> make_session(PtySessions& sessions, const std::string& body) {
  bool blank = body.find_first_not_of(" \t\r\n") == std::string::npos;
  CreateBody asked = read_request<CreateBody>(blank ? "{}" : body);
  if (asked.command.find('\0') != std::string::npos) refuse_body("command: cannot hold NUL");
  std::string cwd = working_directory(asked.cwd, sessions.defaults());
  return sessions.create({std::move(cwd), std::move(asked.command)});
}

net::task<> create(PtySessions& sessions, Retries& retries, http::Request& request,
                   http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kBodyBytes);
  std::string id;
  {
    Retries::Claim claim = co_await retries.claim(request, body);
    id = claim.first_id();
    if (!id.empty()) {
      response.add_header("Idempotent-Replayed", "true");
    } else {
      id = make_session(sessions, body)->id();
      claim.settle(id, [&sessions, id] { return sessions.has(id); });
    }
  }
  co_await response.send(json_response(201, json::write(CreateAnswer{id})));
}

net::task<> status(PtySessions& sessions, http::Request& request, http::ResponseWriter& response) {
  auto session = sessions.find(request.parameters.at(0));
  StatusAnswer answer{session->id(), session->running(), session->output().end(), {}};
  if (session->life() > 0 && !session->alive()) answer.exit_code = session->exit_code();
  co_await response.send(json_response(200, json::write(answer)));
}

net::task<> remove(PtySessions& sessions, http::Request& request, http::ResponseWriter& response) {
  co_await sessions.remove(request.parameters.at(0));
  co_await response.send({});
}

uint64_t since_of(const http::Request& request) {
  std::string text = request.query.find("since").value_or("");
  int64_t since = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), since);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && since > 0 ? static_cast<uint64_t>(since) : 0;
}

bool is(const http::Request& request, std::string_view name, std::string_view value) {
  return request.query.find(name).value_or("") == value;
}

net::task<> look_on(std::shared_ptr<PtySession> session, http::Request& request,
                    http::ResponseWriter& response) {
  auto client = std::make_shared<PtyClient>(session, PtyRole::viewer, since_of(request));
  if (!session->add_viewer(client.get()))
    throw Error(ErrorCode::exhausted, "pty session " + session->id() + " has too many viewers");
  co_await PtyClient::serve(client, request, response, PtyMode::pty, false);
}

net::task<> hold(std::shared_ptr<PtySession> session, http::Request& request,
                 http::ResponseWriter& response) {
  bool takeover = is(request, "takeover", "1") && http::asks_for_websocket(request);
  if (session->holder() && !takeover)
    throw Error(ErrorCode::conflict, "another client is already connected to pty session " + session->id(),
                "ALREADY_CONNECTED");
  auto client = std::make_shared<PtyClient>(session, PtyRole::holder, since_of(request));
  if (!session->holder()) session->set_holder(client);
  PtyMode mode = is(request, "pty", "0") ? PtyMode::pipe : PtyMode::pty;
  co_await PtyClient::serve(client, request, response, mode, takeover);
}

net::task<> connect(PtySessions& sessions, http::Request& request, http::ResponseWriter& response) {
  auto session = sessions.find(request.parameters.at(0));
  if (is(request, "mode", "viewer")) {
    co_await look_on(session, request, response);
  } else {
    co_await hold(session, request, response);
  }
}

}  // namespace

void add_pty_routes(http::Router& router, PtySessions& sessions, Retries& retries) {
  auto with = [&sessions](auto handler) {
    return [&sessions, handler](http::Request& request, http::ResponseWriter& response) {
      return handler(sessions, request, response);
    };
  };
  router.add("POST", "/pty", [&](http::Request& request, http::ResponseWriter& response) {
    return create(sessions, retries, request, response);
  });
  router.add("GET", "/pty/{}", with(status));
  router.add("DELETE", "/pty/{}", with(remove));
  router.add("GET", "/pty/{}/ws", with(connect));
}

}  // namespace osb::execd
