// An HTTP/1.1 server with limits, behind a small interface. Boost.Beast and Asio are seen in http*.cpp and the headers
// of those alone.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serve {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method, target;  ///< as sent: /v1/recommend/7?n=3
  Headers headers = {};
  std::string body = {};

  /// The first value of a header, in whatever case its name is written; empty if there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body = {};
  Headers headers = {};
  /// Where it is set the body goes on in pieces: each call appends one, and tells whether there is another. Called by
  /// workers, a call after the one before it; an exception breaks the connection off.
  std::function<bool(std::string& piece)> more = {};
};

/// application/problem+json (RFC 9457); `field`: which part of the request is at fault.
Response problem(int status, std::string_view detail, std::string_view field = {});

/// Who answers: the thread of all connections, which nothing may hold up; one of the workers; or, what takes seconds, a
/// thread of its own.
enum class Place { connections, workers, aside };

/// What is to be done about a request, by its head alone.
struct Plan {
  std::string route;                  ///< the name under which it is counted
  std::optional<Response> at_once{};  ///< the answer, whatever the body
  /// Else the answer to the whole request. Must not throw.
  std::function<Response(const Request&)> answer{};
  Place place = Place::connections;
  Headers headers{};  ///< of whatever is answered
};

/// A request and its answer, when the answer has been sent or the connection broken.
struct Exchange {
  std::string method, route;
  int status = 0;
  std::size_t received = 0, sent = 0;  ///< bytes of the bodies
  double seconds = 0;                  ///< since the head had come
};

/// All are called by the thread of all connections. None may throw.
struct Handler {
  std::function<Plan(const Request& head)> plan;
  std::function<void(const Exchange&)> finished;
};

struct Limits {
  std::size_t header_bytes = 16 << 10, body_bytes = 32 << 20;
  std::size_t memory_bytes = 1 << 30;  ///< of all bodies and answers; what is small passes all the same
  std::size_t connections = 1024, queue = 1024;
  int workers = 1;
  int header_seconds = 10, body_seconds = 60, write_seconds = 60;  ///< write: without progress
  int idle_seconds = 75, stop_seconds = 25;
};

struct Certificate {
  std::string chain, key;  ///< PEM files
};

/// One thread accepts, reads, answers what is quick and writes; workers do the rest, in the order of arrival. A
/// connection's requests are answered one after the other. Where there are as many connections as there may be, the one
/// that has kept the server waiting longest, for a request or for taking an answer, makes room.
class HttpServer {
 public:
  HttpServer(const Limits& limits, Handler handler);
  ~HttpServer();

  /// From here on new connections are TLS, with this certificate. Throws gcmc::InputError for files that are none of a
  /// certificate and its key, or in a build without OpenSSL, and leaves what was.
  void use_tls(const Certificate& certificate);
  /// Port 0: any that is free. Returns the port. Throws gcmc::InputError for an address that cannot be had.
  int listen(const std::string& host, int port);
  /// Calls back, by the thread of all connections, whenever one of these signals comes.
  void on_signals(const std::vector<int>& signals, std::function<void(int)> call);
  /// Until stop() is done.
  void run();
  /// Behind run(): waits for what workers still do.
  void finish();
  /// From any thread: no new connections; requests that have begun are answered, for stop_seconds at most; then run()
  /// returns. Called again it waits no longer.
  void stop();
  /// Has stop() been called? By the thread of all connections.
  bool stopping() const;
  std::size_t in_flight() const;
  /// Runs a task by the thread of Place::aside.
  void aside(std::function<void()> task);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace serve
