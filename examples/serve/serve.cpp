#include "serve.hpp"

#include <csignal>
#include <exception>
#include <thread>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"

namespace serve {
namespace {

std::string described(const LiveModel& model) {
  return "model " + model.name + ": " + model.saved().dataset + ", " +
         gcmc::count_text(static_cast<long long>(model.saved().user_ids.size())) + " users, " +
         gcmc::count_text(static_cast<long long>(model.saved().item_ids.size())) + " items, " +
         gcmc::count_text(static_cast<long long>(model.bytes >> 20)) + " MiB, version " +
         std::to_string(model.version) +
         (model.folds_in ? "" : "; without its encoder: newcomers and reasons cannot be asked for");
}

/// Loads each model anew. What fails goes on as it was.
void reload(Models& models, AccessLog& log) {
  for (const std::string& name : models.names()) try {
      models.load(name);
      log.say(described(*models.find(name)));
    } catch (const std::exception& error) {
      log.say("model " + name + " stays as it was: " + error.what());
    }
}

/// Loads all models while the server already tells that it does. One that cannot be had ends the server.
class FirstLoad {
 public:
  FirstLoad(Models& models, HttpServer& server, AccessLog& log)
      : thread_([&models, &server, &log, this] {
          try {
            for (const std::string& name : models.names()) {
              models.load(name);
              log.say(described(*models.find(name)));
            }
          } catch (...) {
            error_ = std::current_exception();
            server.stop();
          }
        }) {}

  void finish() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace

void run_server(const ServerOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  AccessLog log(options.log);
  Models models(options.models);
  Service service(models, options.service, log);
  HttpServer server(options.limits, {[&](const Request& head) { return service.plan(head); },
                                     [&](const Exchange& exchange) { service.finished(exchange); }});
  service.server = &server;
  if (!options.certificate.chain.empty()) server.use_tls(options.certificate);
  const int port = server.listen(options.host, options.port);
  server.on_signals({SIGINT, SIGTERM, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) return server.by_worker([&] { reload(models, log); });
    log.say(server.stopping() ? "stops at once" : "stops when what has begun is answered; a second signal: at once");
    server.stop();
  });
  const bool is_v6 = options.host.find(':') != std::string::npos;
  log.say(std::string("listening at ") + (options.certificate.chain.empty() ? "http://" : "https://") +
          (is_v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(port));
  FirstLoad first(models, server, log);
  server.run();
  first.finish();
}

}  // namespace serve
