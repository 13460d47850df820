// The server on Boost.Beast: a State shared by Connections, each a chain of asynchronous steps on one thread.
#include <utility>  // first: Asio 1.18 forgets it

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#ifdef GCMC_SERVE_TLS
#include <boost/beast/ssl.hpp>
#endif
#include <algorithm>
#include <chrono>
#include <ctime>
#include <list>

#include "gcmc/base/error.hpp"
#include "gcmc/base/version.hpp"
#include "http.hpp"

namespace serve {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr std::size_t read_bytes = 16 << 10;

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string text(beast::string_view view) { return {view.data(), view.size()}; }

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return date.data();
}

/// What is wrong with a head that the parser let pass: whatever another server on the way could take to end elsewhere.
std::optional<Response> misframed(const Request& request, unsigned version) {
  const auto count = [&](std::string_view name) {
    return std::count_if(request.headers.begin(), request.headers.end(),
                         [&](const auto& header) { return equal_without_case(header.first, name); });
  };
  if (count("Content-Length") > 1 || request.header("Content-Length").find(',') != std::string_view::npos)
    return problem(400, "more than one Content-Length");
  if (count("Transfer-Encoding") > 0) {
    if (count("Content-Length") > 0) return problem(400, "both Content-Length and Transfer-Encoding");
    if (version < 11) return problem(400, "Transfer-Encoding needs HTTP/1.1");
    if (count("Transfer-Encoding") > 1 || !equal_without_case(request.header("Transfer-Encoding"), "chunked"))
      return problem(501, "of transfer encodings, chunked alone is understood");
  }
  if (count("Host") > 1 || (version >= 11 && count("Host") == 0)) return problem(400, "a request needs one Host");
  if (!request.target.starts_with('/') && request.target != "*") return problem(400, "a target begins with /");
  return {};
}

/// What the parser's error means for the client: nothing if there is nobody to tell.
std::optional<Response> refusal(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "the header is larger than this server takes");
  if (error == http::error::body_limit) return problem(413, "the body is larger than this server takes");
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
  if (gone || error.category() != http::make_error_code(http::error::bad_method).category()) return {};
  return problem(400, "this is no HTTP request: " + error.message());
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_without_case(key, name)) return value;
  return {};
}

class Connection;

struct HttpServer::State {
  State(const Limits& given, Handler called) : limits(given), handler(std::move(called)) {
    workers.emplace(static_cast<std::size_t>(limits.workers));
  }

  void accept();
  void take(tcp::socket socket);
  void await_signal();
  void begin_stop();
  void end();
  void end_if_done() {
    if (stopping && at_work.empty() && waiting.empty()) end();
  }

  const Limits limits;
  const Handler handler;
  std::list<Connection*> waiting, at_work;  ///< waiting for a request, the longest first
  std::size_t queued = 0, body_bytes = 0, in_flight = 0;
  bool stopping = false;
#ifdef GCMC_SERVE_TLS
  std::optional<net::ssl::context> tls;
#endif
  net::io_context io{1};  // what waits in it holds connections, which know the members before
  tcp::acceptor acceptor{io};
  net::signal_set signals{io};
  std::function<void(int)> on_signal;
  net::steady_timer patience{io}, retry{io};
  std::optional<net::thread_pool> workers;  // gone first: its tasks hold connections too
};

/// What State knows of a connection.
class Connection {
 public:
  explicit Connection(HttpServer::State& state) : state_(state) {
    place_ = state_.waiting.insert(state_.waiting.end(), this);
  }
  virtual ~Connection() {
    hold_bytes(0);
    (waits_ ? state_.waiting : state_.at_work).erase(place_);
    state_.end_if_done();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void start() = 0;
  virtual void close() = 0;

  void set_waiting(bool waits) {
    auto &from = waits_ ? state_.waiting : state_.at_work, &to = waits ? state_.waiting : state_.at_work;
    to.splice(to.end(), from, place_);
    waits_ = waits;
  }

 protected:
  /// Of the bodies' memory this connection has so much. False: it would be too much.
  bool hold_bytes(std::size_t bytes) {
    if (bytes > bytes_ && state_.body_bytes - bytes_ + bytes > state_.limits.memory_bytes) return false;
    state_.body_bytes += bytes - bytes_;
    bytes_ = bytes;
    return true;
  }

  HttpServer::State& state_;

 private:
  std::list<Connection*>::iterator place_;
  bool waits_ = true;
  std::size_t bytes_ = 0;
};

namespace {

using Body = http::basic_dynamic_body<beast::flat_buffer>;  // grows as it comes, whatever length was announced

/// Reads a request, has it answered, writes the answer; again. Every step ends in the next one, or lets go of `self`.
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

 private:
  static constexpr bool is_plain = std::is_same_v<Stream, beast::tcp_stream>;

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }
  void expire(int time) { lowest().expires_after(seconds(time)); }

  void await_request() {
    set_waiting(true);
    if (buffer_.size() > 0) return read_head();
    expire(state_.limits.idle_seconds);
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
    set_waiting(false);
    began_ = Clock::now();
    request_ = {};
    plan_ = {};
    plan_.route = "none";
    closes_ = true;
    if (error) return refuse(refusal(error));
    const auto& head = parser_->get();
    request_.method = text(head.method_string());
    request_.target = text(head.target());
    for (const auto& field : head) request_.headers.emplace_back(text(field.name_string()), text(field.value()));
    version_ = head.version();
    if (version_ != 10 && version_ != 11) return refuse(problem(505, "HTTP/1.0 and 1.1 are understood"));
    if (auto wrong = misframed(request_, version_)) return refuse(std::move(wrong));
    plan_ = state_.handler.plan(request_);
    if (parser_->is_done() && head.keep_alive()) closes_ = false;
    if (plan_.at_once) return respond(std::move(*plan_.at_once));
    if (state_.limits.body_bytes < parser_->content_length().value_or(0))
      return refuse(problem(413, "the body is larger than this server takes"));
    if (equal_without_case(request_.header("Expect"), "100-continue")) return write_continue();
    expire(state_.limits.body_seconds);
    read_body();
  }

  void write_continue() {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    expire(state_.limits.body_seconds);
    net::async_write(stream_, net::buffer(line.data(), line.size()),
                     [self = this->shared_from_this()](error_code error, std::size_t) {
                       if (!error) self->read_body();
                     });
  }

  void read_body() {
    if (parser_->is_done()) return answer();
    http::async_read_some(stream_, buffer_, *parser_, [self = this->shared_from_this()](error_code error, std::size_t) {
      if (error) return self->refuse(refusal(error));
      const std::size_t bytes = self->parser_->get().body().size();
      if (!self->hold_bytes(bytes)) return self->refuse(self->busy());
      self->read_body();
    });
  }

  Response busy() const {
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
    if (!plan_.by_worker) return respond(plan_.answer(request_));
    if (state_.queued >= state_.limits.queue) return respond(busy());
    ++state_.in_flight;
    ask_worker([this] { response_ = plan_.answer(request_); },
               [this] {
                 --state_.in_flight;
                 respond(std::move(response_));
               });
  }

  /// `work` by a worker, then `next` by the thread of all connections.
  template <class Work, class Next>
  void ask_worker(Work work, Next next) {
    ++state_.queued;
    net::post(*state_.workers, [self = this->shared_from_this(), work, next]() mutable {
      work();
      auto& io = self->state_.io;
      net::post(io, [self = std::move(self), next] {
        --self->state_.queued;
        next();
      });
    });
  }

  void refuse(std::optional<Response> response) {
    response_.status = 0;
    if (!response) return finish();
    closes_ = true;
    respond(std::move(*response));
  }

  void respond(Response response) {
    response_ = std::move(response);
    sent_ = response_.body.size();
    closes_ = closes_ || state_.stopping;
    message_ = {};
    message_.version(version_);
    message_.result(static_cast<unsigned>(response_.status));
    message_.set(http::field::server, "gcmc/" GCMC_VERSION);
    message_.set(http::field::date, http_date());
    if (!response_.type.empty()) message_.set(http::field::content_type, response_.type);
    for (const auto& [name, value] : response_.headers) message_.set(name, value);
    message_.keep_alive(!closes_);
    const bool empty = request_.method == "HEAD" || response_.status == 204;
    if (response_.more && version_ == 11 && !empty) return stream_head();
    if (response_.more) return collect(empty);
    if (response_.status != 204) message_.content_length(response_.body.size());
    if (!empty) message_.body() = std::move(response_.body);
    write_message();
  }

  void write_message() {
    expire(state_.limits.write_seconds);
    serializer_.emplace(message_);
    http::async_write(stream_, *serializer_, [self = this->shared_from_this()](error_code error, std::size_t) {
      self->finish();
      if (!error) self->go_on();
    });
  }

  /// The pieces of a body for who cannot take them one by one.
  void collect(bool unwanted) {
    response_.more = [more = std::move(response_.more)](std::string& body) {
      while (more(body)) {
      }
      return false;
    };
    next_piece([this, unwanted] {
      response_.more = nullptr;
      if (unwanted) piece_.clear();
      response_.body = std::move(piece_);
      respond(std::move(response_));
    });
  }

  void stream_head() {
    message_.chunked(true);
    serializer_.emplace(message_);
    expire(state_.limits.write_seconds);
    http::async_write_header(stream_, *serializer_, [self = this->shared_from_this()](error_code error, std::size_t) {
      if (error) return self->finish();
      self->next_piece([session = self.get()] { session->write_piece(); });
    });
  }

  template <class Next>
  void next_piece(Next next) {
    ask_worker(
        [this] {
          piece_.clear();
          try {
            goes_on_ = response_.more(piece_);
          } catch (...) {
            broken_ = true;
          }
        },
        [this, next] {
          if (broken_) return finish();
          next();
        });
  }

  void write_piece() {
    expire(state_.limits.write_seconds);
    sent_ += piece_.size();
    const auto written = [self = this->shared_from_this()](error_code error, std::size_t) {
      if (error) return self->finish();
      if (self->goes_on_) return self->next_piece([session = self.get()] { session->write_piece(); });
      self->finish();
      self->go_on();
    };
    const auto piece = http::make_chunk(net::const_buffer(piece_.data(), piece_.size()));
    if (!goes_on_ && piece_.empty()) return net::async_write(stream_, http::make_chunk_last(), written);
    if (!goes_on_) return net::async_write(stream_, beast::buffers_cat(piece, http::make_chunk_last()), written);
    if (piece_.empty()) return written({}, 0);
    net::async_write(stream_, piece, written);
  }

  void finish() {
    const std::chrono::duration<double> time = Clock::now() - began_;
    state_.handler.finished(
        {request_.method, plan_.route, response_.status, request_.body.size(), sent_, time.count()});
    request_ = {};
    response_ = {};
    hold_bytes(0);
  }

  void go_on() {
    if (closes_) return linger();
    await_request();
  }

  /// Closing at once what a client still writes to would take the answer from it.
  void linger() {
    expire(2);
    if constexpr (is_plain) {
      error_code ignored;
      lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
      drain(1 << 20);
    } else {
      stream_.async_shutdown([self = this->shared_from_this()](error_code) {});
    }
  }
  void drain(std::size_t most) {
    lowest().async_read_some(net::buffer(thrown_away_),
                             [self = this->shared_from_this(), most](error_code error, std::size_t bytes) {
                               if (!error && bytes < most) self->drain(most - bytes);
                             });
  }

  Stream stream_;
  beast::flat_buffer buffer_{64 << 10};
  std::optional<http::request_parser<Body>> parser_;
  unsigned version_ = 11;
  Request request_;
  Plan plan_;
  Response response_;
  http::response<http::string_body> message_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::string piece_;
  std::size_t sent_ = 0;
  bool closes_ = false, goes_on_ = false, broken_ = false;
  std::array<char, 4096> thrown_away_{};
  Clock::time_point began_;
};

}  // namespace

void HttpServer::State::accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    retry.expires_after(std::chrono::milliseconds(100));  // out of descriptors, most likely
    retry.async_wait([this](error_code cancelled) {
      if (!cancelled) accept();
    });
  });
}

void HttpServer::State::take(tcp::socket socket) {
  if (waiting.size() + at_work.size() >= limits.connections) {
    if (waiting.empty()) return;
    waiting.front()->close();
    waiting.front()->set_waiting(true);  // to the end: until it is gone, the next one's turn
  }
#ifdef GCMC_SERVE_TLS
  if (tls)
    return std::make_shared<Session<beast::ssl_stream<beast::tcp_stream>>>(*this, std::move(socket), *tls)->start();
#endif
  std::make_shared<Session<beast::tcp_stream>>(*this, std::move(socket))->start();
}

void HttpServer::State::await_signal() {
  signals.async_wait([this](error_code error, int signal) {
    if (error) return;
    on_signal(signal);
    await_signal();
  });
}

/// Whoever the kernel has accepted is taken; whoever waits, or is so taken, has a second for a request.
void HttpServer::State::begin_stop() {
  if (stopping) return end();
  stopping = true;
  error_code error;
  acceptor.non_blocking(true, error);
  while (!error) {
    tcp::socket socket(io);
    acceptor.accept(socket, error);
    if (!error) take(std::move(socket));
  }
  acceptor.close(error);
  patience.expires_after(seconds(1));
  patience.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    for (Connection* connection : waiting) connection->close();
    patience.expires_after(seconds(limits.stop_seconds - 1));
    patience.async_wait([this](error_code again) {
      if (!again) end();
    });
  });
  end_if_done();
}

void HttpServer::State::end() {
  error_code ignored;
  acceptor.close(ignored);
  signals.cancel(ignored);
  patience.cancel();
  retry.cancel();
  for (const auto& list : {waiting, at_work})
    for (Connection* connection : list) connection->close();
}

HttpServer::HttpServer(const Limits& limits, Handler handler)
    : state_(std::make_unique<State>(limits, std::move(handler))) {}

HttpServer::~HttpServer() { state_->workers.reset(); }

int HttpServer::listen(const std::string& host, int port) {
  try {
    tcp::resolver resolver(state_->io);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive);
    const tcp::endpoint endpoint = *found.begin();
    tcp::acceptor& acceptor = state_->acceptor;
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    state_->accept();
    return acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    throw gcmc::InputError("cannot listen at " + host + ", port " + std::to_string(port) + ": " +
                           error.code().message());
  }
}

void HttpServer::on_signals(const std::vector<int>& signals, std::function<void(int)> call) {
  state_->on_signal = std::move(call);
  for (const int signal : signals) state_->signals.add(signal);
  state_->await_signal();
}

void HttpServer::run() { state_->io.run(); }

void HttpServer::stop() {
  net::post(state_->io, [state = state_.get()] { state->begin_stop(); });
}

bool HttpServer::stopping() const { return state_->stopping; }
std::size_t HttpServer::in_flight() const { return state_->in_flight; }

void HttpServer::by_worker(std::function<void()> task) { net::post(*state_->workers, std::move(task)); }

#ifdef GCMC_SERVE_TLS
bool speaks_tls() { return true; }

void HttpServer::use_tls(const Certificate& certificate) {
  try {
    auto& tls = state_->tls.emplace(net::ssl::context::tls_server);
    tls.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                    net::ssl::context::no_tlsv1_1);
    tls.use_certificate_chain_file(certificate.chain);
    tls.use_private_key_file(certificate.key, net::ssl::context::pem);
  } catch (const boost::system::system_error& error) {
    throw gcmc::InputError("TLS cannot be spoken with " + certificate.chain + " and " + certificate.key + ": " +
                           error.code().message());
  }
}
#else
bool speaks_tls() { return false; }

void HttpServer::use_tls(const Certificate&) {
  throw gcmc::InputError("this build speaks no TLS: install libssl-dev and build gcmc again");
}
#endif

}  // namespace serve
