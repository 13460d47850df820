#include "serve.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"

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

/// Loads each model anew that has not been unloaded. What fails goes on as it was.
void reload(Models& models, AccessLog& log) {
  for (const ModelStatus& status : models.statuses()) {
    if (status.state == ModelState::unloaded) continue;
    try {
      models.load(status.name);
      log.say(described(*models.find(status.name)));
    } catch (const std::exception& error) {
      log.say("model " + status.name + " stays as it was: " + error.what());
    }
  }
}

/// Loads all models, one by one until the server is to stop. Throws where one cannot be had.
void load_first(Models& models, const std::atomic<bool>& stops, AccessLog& log) {
  for (const std::string& name : models.names()) {
    if (stops) return;
    models.load(name);
    log.say(described(*models.find(name)));
  }
}

/// A folder that holds no model is told of before anything else is done: ids, shapes and sizes are read, no values.
void check_folders(const ServerOptions& options) {
  for (const auto& [name, folder] : options.models) gcmc::load_models(folder, [](const std::string&) { return false; });
}

/// As many files as the machine lets this process have; fewer connections where those are too few.
Limits within_files(Limits limits) {
  constexpr rlim_t for_others = 64;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return limits;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NOFILE, &files);
  const rlim_t most = files.rlim_cur > 2 * for_others ? files.rlim_cur - for_others : files.rlim_cur / 2;
  limits.connections = std::min<std::size_t>(limits.connections, most);
  return limits;
}

}  // namespace

void run_server(const ServerOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  check_folders(options);
  AccessLog log(options.log);
  Models models(options.models);
  Service service(models, options.service, log);
  const Limits limits = within_files(options.limits);
  HttpServer server(limits, {[&](const Request& head) { return service.plan(head); },
                             [&](const Exchange& exchange) { service.finished(exchange); }});
  service.server = &server;
  const bool is_tls = !options.certificate.chain.empty();
  if (is_tls) server.use_tls(options.certificate);
  const int port = server.listen(options.host, options.port);
  std::atomic<bool> stops = false;
  std::chrono::steady_clock::time_point first;  // signal to stop
  server.on_signals({SIGINT, SIGTERM, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) {
      server.aside([&] { reload(models, log); });
      try {
        if (is_tls) server.use_tls(options.certificate);
      } catch (const gcmc::Error& error) {
        log.say(std::string("the certificate stays as it was: ") + error.what());
      }
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    constexpr std::chrono::seconds apart{1};  // a program may send one signal twice at once, as coreutils' timeout does
    if (stops && now - first < apart) return;
    if (stops) std::_Exit(128 + signal);
    first = now;
    log.say("stops when what has begun is answered; a second signal: at once");
    stops = true;
    server.stop();
  });
  const bool is_v6 = options.host.find(':') != std::string::npos;
  log.say(std::string("listening at ") + (is_tls ? "https://" : "http://") +
          (is_v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(port));
  if (limits.connections < options.limits.connections)
    log.say("this process may have so few files that there are " + std::to_string(limits.connections) +
            " connections at most: raise ulimit -n");
  std::exception_ptr failure;
  server.aside([&] {
    try {
      load_first(models, stops, log);
    } catch (...) {
      failure = std::current_exception();
      server.stop();
    }
  });
  server.run();
  server.finish();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace serve
