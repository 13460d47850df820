// One connection of the server, for http.cpp: reads a request, has it answered, writes the answer; again. Every step
// ends in the next one, or lets go of the session.
#pragma once

#include <utility>  // first: Asio 1.18 forgets it

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#ifdef GCMC_SERVE_TLS
#include <boost/beast/ssl.hpp>
#endif
#include <array>
#include <chrono>
#include <list>

#include "http.hpp"
#include "http_framing.hpp"

namespace serve {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

class Connection;

/// What all connections share; used by the thread of all connections alone.
struct HttpServer::State {
  State(const Limits& given, Handler called);

  void accept();
  void take(tcp::socket socket);
  void make_room();
  void await_signal();
  void begin_stop();
  void end();
  void end_if_done() {
    if (stopping && !ended && at_work.empty() && waiting.empty()) end();
  }

  const Limits limits;
  const Handler handler;
  std::list<Connection*> waiting, at_work;  ///< for their clients, the longest first; for a worker
  std::size_t queued = 0, queued_aside = 0, body_bytes = 0, in_flight = 0;
  bool stopping = false, ended = false;
#ifdef GCMC_SERVE_TLS
  std::optional<net::ssl::context> tls;
#endif
  net::io_context io{1};  // what waits in it holds connections, which know the members before
  tcp::acceptor acceptor{io};
  net::signal_set signals{io};
  std::function<void(int)> on_signal;
  net::steady_timer patience{io}, retry{io};
  std::optional<net::thread_pool> workers, aside;  // gone first: their tasks hold connections too
};

/// What State knows of a connection.
class Connection {
 public:
  explicit Connection(HttpServer::State& state) : state_(state) {
    place_ = state_.waiting.insert(state_.waiting.end(), this);
  }
  virtual ~Connection() {
    hold(0);
    (waits_ ? state_.waiting : state_.at_work).erase(place_);
    state_.end_if_done();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void start() = 0;
  virtual void close() = 0;
  /// Has its client sent something that has not been read?
  virtual bool has_more() = 0;
  /// Between two requests, or within the head of one?
  bool is_idle() const { return idle_; }
  /// To the end of those that wait for their clients, or of those at work.
  void set_waiting(bool waits) {
    auto &from = waits_ ? state_.waiting : state_.at_work, &to = waits ? state_.waiting : state_.at_work;
    to.splice(to.end(), from, place_);
    waits_ = waits;
  }

 protected:
  /// May this connection hold so much of the memory of bodies and answers?
  bool fits(std::size_t bytes) const {
    constexpr std::size_t small = 64 << 10;
    return bytes <= small || state_.body_bytes - bytes_ + bytes <= state_.limits.memory_bytes;
  }
  void hold(std::size_t bytes) {
    state_.body_bytes += bytes - bytes_;
    bytes_ = bytes;
  }

  HttpServer::State& state_;
  bool idle_ = true;

 private:
  std::list<Connection*>::iterator place_;
  bool waits_ = true;
  std::size_t bytes_ = 0;
};

template <class Stream>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... Context>
  Session(HttpServer::State& state, tcp::socket socket, Context&... context)
      : Connection(state), stream_(std::move(socket), context...) {
    error_code ignored;
    lowest().socket().set_option(tcp::no_delay(true), ignored);
  }

  void start() override {
    if constexpr (is_plain) {
      await_request();
    } else {
      expire(state_.limits.header_seconds);
      stream_.async_handshake(Stream::server, [self = this->shared_from_this()](error_code error) {
        if (!error) self->await_request();
      });
    }
  }
  void close() override { lowest().close(); }
  bool has_more() override {
    error_code error;
    return lowest().socket().available(error) > 0;
  }

 private:
  using Body = http::basic_dynamic_body<beast::flat_buffer>;  // grows as it comes, whatever length was announced
  static constexpr bool is_plain = std::is_same_v<Stream, beast::tcp_stream>;
  static constexpr std::size_t read_bytes = 16 << 10, most_aside = 8;

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }
  void expire(int time) { lowest().expires_after(std::chrono::seconds(time)); }

  void await_request() {
    set_waiting(true);
    idle_ = true;
    if (buffer_.size() > 0) return read_head();
    buffer_.shrink_to_fit();
    expire(state_.stopping ? 1 : state_.limits.idle_seconds);
    stream_.async_read_some(buffer_.prepare(read_bytes),
                            [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                              if (error) return;
                              self->buffer_.commit(bytes);
                              self->read_head();
                            });
  }

  void read_head() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(state_.limits.header_bytes));
    parser_->body_limit(state_.limits.body_bytes);
    expire(state_.limits.header_seconds);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code error, std::size_t) { self->take_head(error); });
  }

  void take_head(const error_code& error) {
    idle_ = false;
    began_ = Clock::now();
    request_ = {};
    response_ = {0};
    plan_ = {"none"};
    closes_ = true;
    broken_ = false;
    if (error) return refuse(refusal(error));
    const auto& head = parser_->get();
    request_ = head_of(head);
    version_ = head.version();
    if (auto wrong = misframed(request_, version_)) return refuse(std::move(wrong));
    plan_ = state_.handler.plan(request_);
    closes_ = !parser_->is_done() || !head.keep_alive();
    if (plan_.at_once) return respond(std::move(*plan_.at_once));
    if (state_.limits.body_bytes < parser_->content_length().value_or(0))
      return refuse(problem(413, "the body is larger than this server takes"));
    if (equal_without_case(request_.header("Expect"), "100-continue") && version_ == 11)
      return write(std::string("HTTP/1.1 100 Continue\r\n\r\n"), &Session::begin_body);
    begin_body();
  }

  void begin_body() {
    expire(state_.limits.body_seconds);
    read_body();
  }

  void read_body() {
    if (parser_->is_done()) return answer();
    http::async_read_some(stream_, buffer_, *parser_, [self = this->shared_from_this()](error_code error, std::size_t) {
      if (error) return self->refuse(refusal(error));
      const std::size_t bytes = self->parser_->get().body().size();
      if (!self->fits(bytes)) return self->refuse(self->busy());
      self->hold(bytes);
      self->read_body();
    });
  }

  static Response busy() {
    Response response = problem(503, "too much to do at the moment: ask again");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }

  void answer() {
    auto& message = parser_->get();
    const auto body = message.body().data();
    request_.body.assign(static_cast<const char*>(body.data()), body.size());
    message.body().clear();
    message.body().shrink_to_fit();
    closes_ = !message.keep_alive();
    if (plan_.place == Place::connections) return respond(plan_.answer(request_));
    const bool aside = plan_.place == Place::aside;
    if (aside ? state_.queued_aside >= most_aside : state_.queued >= state_.limits.queue) return respond(busy());
    ++state_.in_flight;
    ask_worker([this] { response_ = plan_.answer(request_); },
               [this] {
                 --state_.in_flight;
                 respond(std::move(response_));
               });
  }

  /// `work` where the plan says, then `next` by the thread of all connections.
  template <class Work, class Next>
  void ask_worker(Work work, Next next) {
    set_waiting(false);
    std::size_t& queued = plan_.place == Place::aside ? state_.queued_aside : state_.queued;
    net::thread_pool& threads = plan_.place == Place::aside ? *state_.aside : *state_.workers;
    ++queued;
    net::post(threads, [self = this->shared_from_this(), work, next, &queued]() mutable {
      work();
      auto& io = self->state_.io;
      net::post(io, [self = std::move(self), next, &queued] {
        --queued;
        self->set_waiting(true);
        next();
      });
    });
  }

  void refuse(std::optional<Response> response) {
    if (!response) return finish();
    closes_ = true;
    respond(std::move(*response));
  }

  void respond(Response response) {
    response_ = std::move(response);
    response_.headers.insert(response_.headers.end(), plan_.headers.begin(), plan_.headers.end());
    const bool unframed = response_.more && version_ != 11;  // such an answer ends with its connection
    closes_ = closes_ || state_.stopping || unframed;
    const bool empty = request_.method == "HEAD" || response_.status == 204;
    hold(request_.body.size() + response_.body.size());
    sent_ = empty ? 0 : response_.body.size();
    std::string text = head_text(response_, closes_, version_);
    if (!empty) text += response_.body;
    response_.body = {};
    if (response_.more && !empty) return write(std::move(text), &Session::next_piece);
    write(std::move(text), &Session::go_on);
  }

  void next_piece() {
    ask_worker(
        [this] {
          piece_.clear();
          try {
            goes_on_ = response_.more(piece_);
          } catch (...) {
            broken_ = true;
          }
        },
        [this] {
          if (broken_) return finish();
          sent_ += piece_.size();
          hold(request_.body.size() + piece_.size());
          if (goes_on_ && piece_.empty()) return next_piece();
          write(version_ == 11 ? chunk(piece_, !goes_on_) : piece_, goes_on_ ? &Session::next_piece : &Session::go_on);
        });
  }

  /// Writes a text, then does the next step; each part must be taken in time.
  void write(std::string text, void (Session::*next)()) {
    out_ = std::move(text);
    written_ = 0;
    next_ = next;
    write_some();
  }
  void write_some() {
    expire(state_.limits.write_seconds);
    stream_.async_write_some(net::buffer(out_.data() + written_, out_.size() - written_),
                             [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                               if (error) return self->finish();
                               self->written_ += bytes;
                               if (self->written_ < self->out_.size()) return self->write_some();
                               (*self.*self->next_)();
                             });
  }

  void finish() {
    const std::chrono::duration<double> time = Clock::now() - began_;
    state_.handler.finished(
        {request_.method, plan_.route, response_.status, request_.body.size(), sent_, time.count()});
    request_ = {};
    if (response_.more)  // what it holds may take long to be let go of
      net::post(*state_.workers, [more = std::move(response_.more)] {});
    response_ = {};
    out_ = {};
    piece_ = {};
    hold(0);
  }

  void go_on() {
    finish();
    if (closes_) return linger();
    await_request();
  }

  /// Closing at once what a client still writes to would take the answer from it.
  void linger() {
    set_waiting(true);
    expire(2);
    if constexpr (is_plain) {
      error_code ignored;
      lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    }
    drain(state_.limits.body_bytes + (1 << 20));
  }
  void drain(std::size_t most) {
    stream_.async_read_some(net::buffer(thrown_away_),
                            [self = this->shared_from_this(), most](error_code error, std::size_t bytes) {
                              if (!error && bytes < most) return self->drain(most - bytes);
                              self->say_goodbye();
                            });
  }
  void say_goodbye() {
    if constexpr (!is_plain) {
      expire(1);
      stream_.async_shutdown([self = this->shared_from_this()](error_code) {});
    }
  }

  Stream stream_;
  beast::flat_buffer buffer_{64 << 10};
  std::optional<http::request_parser<Body>> parser_;
  unsigned version_ = 11;
  Request request_;
  Plan plan_;
  Response response_;
  std::string out_, piece_;
  std::size_t written_ = 0, sent_ = 0;
  void (Session::*next_)() = nullptr;
  bool closes_ = false, goes_on_ = false, broken_ = false;
  std::array<char, 4096> thrown_away_{};
  Clock::time_point began_;
};

}  // namespace serve
