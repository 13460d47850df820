// The server on Boost.Beast: State, which all connections share, and the way in and out.
#include "http_session.hpp"  // first: it heads off what Asio forgets

#include <fstream>

#include "gcmc/base/error.hpp"

namespace serve {

HttpServer::State::State(const Limits& given, Handler called) : limits(given), handler(std::move(called)) {
  workers.emplace(static_cast<std::size_t>(limits.workers));
  aside.emplace(1);
}

void HttpServer::State::accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    make_room();  // out of descriptors, most likely
    retry.expires_after(std::chrono::milliseconds(100));
    retry.async_wait([this](error_code cancelled) {
      if (!cancelled) accept();
    });
  });
}

/// Lets go of the connection whose client has kept it waiting longest, but for one that has just sent something.
void HttpServer::State::make_room() {
  constexpr int most_looked_at = 16;
  auto oldest = waiting.begin();
  for (int k = 0; k < most_looked_at && oldest != waiting.end() && (*oldest)->has_more(); ++k) ++oldest;
  if (oldest == waiting.end()) return;
  Connection* connection = *oldest;
  connection->close();
  connection->set_waiting(true);  // to the end: until it is gone, the next one's turn
}

void HttpServer::State::take(tcp::socket socket) {
  if (waiting.size() + at_work.size() >= limits.connections) {
    if (waiting.empty()) return;
    make_room();
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
  patience.expires_after(std::chrono::seconds(1));
  patience.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    for (Connection* connection : waiting)
      if (connection->is_idle()) connection->close();
    patience.expires_after(std::chrono::seconds(limits.stop_seconds - 1));
    patience.async_wait([this](error_code again) {
      if (!again) end();
    });
  });
  end_if_done();
}

void HttpServer::State::end() {
  ended = true;
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

HttpServer::~HttpServer() { finish(); }

void HttpServer::finish() {
  state_->ended = true;
  state_->aside.reset();
  state_->workers.reset();
}

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

void HttpServer::aside(std::function<void()> task) { net::post(*state_->aside, std::move(task)); }

#ifdef GCMC_SERVE_TLS
void HttpServer::use_tls(const Certificate& certificate) {
  for (const std::string& path : {certificate.chain, certificate.key})
    gcmc::require(std::ifstream(path).good(), path + ": cannot be read");
  try {
    net::ssl::context tls(net::ssl::context::tls_server);
    tls.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                    net::ssl::context::no_tlsv1_1);
    tls.use_certificate_chain_file(certificate.chain);
    tls.use_private_key_file(certificate.key, net::ssl::context::pem);
    gcmc::require(SSL_CTX_check_private_key(tls.native_handle()) == 1,
                  certificate.key + " is not the key of " + certificate.chain);
    state_->tls.emplace(std::move(tls));
  } catch (const boost::system::system_error&) {
    throw gcmc::InputError("TLS needs a certificate chain and its key in PEM files, which " + certificate.chain +
                           " and " + certificate.key + " are not");
  }
}
#else
void HttpServer::use_tls(const Certificate&) {
  throw gcmc::InputError("this build speaks no TLS: install libssl-dev and build gcmc again");
}
#endif

}  // namespace serve
