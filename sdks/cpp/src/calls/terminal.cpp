#include <opensandbox/terminal.h>

#include "calls/link.h"
#include "calls/terminal_line.h"
#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;
using osb::http::Opcode;

namespace {

std::string session_path(const std::string& id) { return "/pty/" + segment(not_blank(id, "session id")); }

}  // namespace

Terminal::Terminal(std::unique_ptr<TerminalLine> line) : line_(std::move(line)) {}
Terminal::~Terminal() = default;
Terminal::Terminal(Terminal&&) noexcept = default;
Terminal& Terminal::operator=(Terminal&&) noexcept = default;

const std::string& Terminal::session_id() const { return line_->session_id(); }
bool Terminal::ended() const { return line_->ended(); }
std::optional<int> Terminal::exit_code() const { return line_->exit_code(); }
uint64_t Terminal::offset() const { return line_->offset(); }
const std::string& Terminal::role() const { return line_->role(); }

std::optional<TerminalOutput> Terminal::read(Milliseconds timeout, std::stop_token stop) {
  return line_->read(timeout, stop);
}

int Terminal::wait(std::stop_token stop) {
  while (!ended()) read(Milliseconds::max(), stop);
  return exit_code().value_or(-1);
}

void Terminal::write(std::string_view data, std::stop_token stop) {
  constexpr size_t kPiece = 64 * 1024;
  for (; !data.empty(); data.remove_prefix(std::min(kPiece, data.size())))
    line_->send(Opcode::binary, std::string(1, '\0') + std::string(data.substr(0, kPiece)), stop);
}

void Terminal::resize(uint16_t columns, uint16_t rows, std::stop_token stop) {
  if (columns == 0 || rows == 0)
    throw Error(ErrorCode::invalid_argument, "resize a terminal: columns and rows begin at 1");
  line_->say({{"type", "resize"}, {"cols", columns}, {"rows", rows}}, stop);
}

void Terminal::signal(const std::string& name, std::stop_token stop) {
  for (const char* known : {"SIGINT", "SIGTERM", "SIGKILL", "SIGQUIT", "SIGHUP"})
    if (name == known) return line_->say({{"type", "signal"}, {"signal", name}}, stop);
  throw Error(ErrorCode::invalid_argument, "signal a terminal: not one of its signals: " + name);
}

void Terminal::end_input(std::stop_token stop) { line_->say({{"type", "eof"}}, stop); }

Terminal Terminals::open(const std::string& command, const std::string& working_directory,
                         const TerminalOptions& options, std::stop_token stop) const {
  return connect(create(command, working_directory, stop), options, stop);
}

std::string Terminals::create(const std::string& command, const std::string& working_directory,
                              std::stop_token stop) const {
  Object body;
  if (!command.empty()) body["command"] = command;
  if (!working_directory.empty()) body["cwd"] = working_directory;
  Call call = json_call("POST", "/pty", "make a terminal session", body);
  call.headers.set("Idempotency-Key", random_key());
  Reply reply = link_->call_execd(call, stop);
  std::string id = text_of(read_object(reply, call.doing), "session_id");
  if (id.empty()) throw_unexpected(reply, call.doing, "the answer has no session_id");
  return id;
}

Terminal Terminals::connect(const std::string& session_id, const TerminalOptions& options,
                            std::stop_token stop) const {
  QueryPairs pairs;
  if (options.since) pairs.emplace_back("since", std::to_string(options.since));
  if (!options.terminal) pairs.emplace_back("pty", "0");
  if (options.takeover) pairs.emplace_back("takeover", "1");
  if (options.viewer) pairs.emplace_back("mode", "viewer");
  Call call;
  call.method = "GET";
  call.path = session_path(session_id) + "/ws" + query(pairs);
  call.doing = "connect to terminal session " + session_id;
  Target target = link_->execd(stop);
  Client& client = *link_->client;
  try {
    auto socket = WebSocket::open(client, target, call, stop);
    Terminal terminal(std::make_unique<TerminalLine>(session_id, target, std::move(socket),
                                                     client.config().request_timeout));
    bool sized = options.terminal && !options.viewer && (options.columns != 80 || options.rows != 24);
    if (sized) terminal.resize(options.columns, options.rows, stop);
    return terminal;
  } catch (const Failure& failure) {
    throw_network_error(failure, call.doing, target);
  }
}

TerminalInfo Terminals::info(const std::string& session_id, std::stop_token stop) const {
  Call call = json_call("GET", session_path(session_id), "get terminal session " + session_id);
  Object object = read_object(link_->call_execd(call, stop), call.doing);
  TerminalInfo info{
      text_of(object, "session_id"), bool_of(object, "running"), int_of(object, "output_offset"), {}};
  if (auto code = find_int(object, "exit_code")) info.exit_code = static_cast<int>(*code);
  return info;
}

void Terminals::remove(const std::string& session_id, std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", session_path(session_id), "end terminal session " + session_id),
                    stop);
}

}  // namespace opensandbox
