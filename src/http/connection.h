// One connection of the server: heads in, handlers run, answers out, one after the other. Everything on one
// loop.
#pragma once

#include <ctime>
#include <list>
#include <memory>
#include <string>
#include <unordered_set>

#include "http/codec.h"
#include "http/input_buffer.h"
#include "http/server.h"
#include "net/timer.h"

namespace osb::http {

class Connection;

// What all connections of a server share. Owned by the server and by every running connection.
struct ServerCore {
  ServerCore(net::asio::any_io_executor e, Handler h, ServerOptions o);

  std::string_view date();       // text of the Date header, made once per second
  std::string new_request_id();  // 32 hex digits; not a secret, so random bytes are fetched in bulk
  Response format_error(const Error& error, const Request* request) const;

  net::asio::any_io_executor executor;
  Handler handler;
  ServerOptions options;
  std::unordered_set<Connection*> connections;
  std::list<Connection*> idle;  // those between requests, longest first
  net::Event ended;             // a connection ended
  size_t turned_away = 0;       // connections above the cap that are being told so
  size_t displaced = 0;         // that were closed for others and have not ended yet
  bool stopping = false;

 private:
  std::time_t date_at_ = 0;
  std::string date_;
  std::string random_;
};

class Connection {
 public:
  Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<net::Stream> stream);
  ~Connection();
  Connection(const Connection&) = delete;

  // Serves requests until the connection ends. Does not throw for anything a client can do.
  net::task<> run();
  // Answers 503 without reading a request.
  net::task<> turn_away();

  // For Server::stop: between requests there is nothing to wait for.
  void close_if_idle();
  void close();
  // Makes room for a new one. Only for an idle connection; false if its client has sent something that has
  // not been read yet: it is then not idle any more.
  bool displace();

 private:
  class Exchange;
  class OwnedStream;
  struct Link;

  net::task<> serve_requests();
  net::task<bool> read_head(RequestHead& head);
  net::task<> serve(RequestHead head);
  net::task<> refuse(const Error& error);
  net::task<> write(std::vector<std::string_view> parts);
  net::task<> write_file(net::FileRegion region, net::Offload offload);
  bool hold_back(const std::vector<std::string_view>& answer);
  void send_held();
  net::task<> flush_held();
  net::task<> linger();
  Request make_request(RequestHead& head);
  void set_idle(bool idle);
  bool has_unread() const;

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<net::Stream> stream_;
  std::shared_ptr<Link> tunnel_;  // after an upgrade: the way to the stream that the handler owns
  InputBuffer buffer_;
  std::string held_;  // answers that leave together with the next ones, or at the end of the loop's turn
  std::string local_address_;
  std::list<Connection*> place_{this};  // the node that is in the list of idle ones, or here
  bool idle_ = false;
  const std::list<Connection*>::iterator node_ = place_.begin();
  bool displaced_ = false;
  bool keep_ = true;
  bool linger_ = false;  // the client may still be sending: end so that it can read our answer
};

}  // namespace osb::http
