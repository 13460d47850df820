// gcmc serve: what the command line says of a server.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <type_traits>

#include "asking.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"

#ifdef GCMC_WITH_SERVE
#include "serve.hpp"

namespace {

struct Arguments {
  serve::ServerOptions server;
  std::vector<std::string> models, hosts;
  std::string token_file, log = "text";
  int threads = 0;
  std::size_t header_kb = 16, body_mb = 32, memory_mb = 1024;
};

/// NAME=DIR, or DIR alone, which is named gcmc.
std::pair<std::string, std::string> named_folder(const std::string& text) {
  const std::size_t equals = text.find('=');
  const bool named = equals != std::string::npos && text.find('/') > equals;
  std::pair<std::string, std::string> model{named ? text.substr(0, equals) : "gcmc",
                                            named ? text.substr(equals + 1) : text};
  constexpr const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  gcmc::require(!model.first.empty() && model.first.find_first_not_of(allowed) == std::string::npos,
                "--model " + text + ": a name is made of letters, digits, . _ and -");
  return model;
}

/// The first line of the file; of the environment's GCMC_TOKEN where none is named.
std::string read_token(const std::string& path) {
  const char* given = std::getenv("GCMC_TOKEN");
  std::string token = path.empty() && given ? given : "";
  if (!path.empty()) {
    std::ifstream file(path);
    gcmc::require(file.good(), path + ": cannot be read");
    std::getline(file, token);
  }
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  const auto is_visible = [](char c) { return c > ' ' && c < 0x7F; };
  gcmc::require((path.empty() && !given) || (!token.empty() && std::all_of(token.begin(), token.end(), is_visible)),
                (path.empty() ? "GCMC_TOKEN" : path) + ": a token of visible characters was expected");
  return token;
}

/// The names that a server which only this machine can reach is called by.
std::vector<std::string> host_names(const std::string& host, const std::vector<std::string>& more) {
  const bool is_local = host == "localhost" || host == "::1" || host.starts_with("127.");
  if (!is_local && more.empty()) return {};
  std::vector<std::string> names = {"localhost", "127.0.0.1", "[::1]", host};
  names.insert(names.end(), more.begin(), more.end());
  for (std::string& name : names) name = serve::in_lower_case(name);
  return names;
}

void run(Arguments arguments) {
  serve::ServerOptions& server = arguments.server;
  for (const std::string& text : arguments.models) {
    server.models.push_back(named_folder(text));
    for (std::size_t k = 0; k + 1 < server.models.size(); ++k)
      gcmc::require(server.models[k].first != server.models.back().first,
                    "--model: two models are named " + server.models.back().first + "; write NAME=DIR");
  }
  gcmc::require(server.certificate.chain.empty() == server.certificate.key.empty(),
                "TLS needs both --tls-cert and --tls-key");
  server.service.token = read_token(arguments.token_file);
  server.service.hosts = host_names(server.host, arguments.hosts);
  for (const std::string& origin : server.service.origins)
    gcmc::require(origin == "*" || origin.find("://") != std::string::npos,
                  "--allow-origin " + origin + ": an origin has a scheme: https://" + origin);
  server.log = arguments.log == "text"   ? serve::LogForm::text
               : arguments.log == "json" ? serve::LogForm::json
                                         : serve::LogForm::none;
  server.limits.workers = gcmc::Cpu(arguments.threads).threads();
  server.limits.header_bytes = arguments.header_kb << 10;
  server.limits.body_bytes = arguments.body_mb << 20;
  server.limits.memory_bytes = arguments.memory_mb << 20;
  serve::run_server(server);
}

void add_limits(CLI::App& command, Arguments& arguments) {
  serve::Limits& limits = arguments.server.limits;
  const auto add = [&](const char* name, auto& value, int high, const char* help) {
    using Value = std::remove_reference_t<decltype(value)>;
    command.add_option(name, value, help)
        ->group("Limits")
        ->capture_default_str()
        ->check(CLI::Range(Value{1}, static_cast<Value>(high)).description(""));
  };
  add("--max-connections", limits.connections, 1000000,
      "at once; the one that has kept the server waiting longest makes room for another");
  add("--max-queue", limits.queue, 1000000, "requests that wait for a thread; more are answered 503");
  add("--max-header-kb", arguments.header_kb, 48, "of a request's header");
  add("--max-body-mb", arguments.body_mb, 4096, "of a request's body");
  add("--max-memory-mb", arguments.memory_mb, 1000000, "of all bodies together; more are answered 503");
  add("--max-pairs", arguments.server.service.most_pairs, 1000000000, "of a request");
  add("--header-seconds", limits.header_seconds, 86400, "for a header to come");
  add("--body-seconds", limits.body_seconds, 86400, "for a body to come");
  add("--write-seconds", limits.write_seconds, 86400, "for a piece of an answer to be taken");
  add("--idle-seconds", limits.idle_seconds, 86400, "that a connection may wait between requests");
  add("--stop-seconds", limits.stop_seconds, 86400, "for what has begun to end after SIGTERM");
}

}  // namespace

Command add_serve(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("serve", "Answer over HTTP, and show a page to try the model");
  command
      ->add_option("--model", arguments->models, "folder of a run or its model/; NAME=DIR, once for each, of several")
      ->required()
      ->type_name("DIR")
      ->allow_extra_args(false);
  command->add_option("--host", arguments->server.host, "address to listen at; 0.0.0.0: all of this machine's")
      ->capture_default_str();
  command->add_option("--port", arguments->server.port, "0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535).description(""));
  add_threads(*command, arguments->threads);
  command->add_option("--log", arguments->log, "a line a request on standard error, without ids: text, json or none")
      ->capture_default_str()
      ->check(one_of({"text", "json", "none"}));
  command
      ->add_option("--token-file", arguments->token_file,
                   "file of a token that callers must bear; else $GCMC_TOKEN; none: anybody may ask")
      ->type_name("FILE");
  command
      ->add_option("--allow-origin", arguments->server.service.origins,
                   "other pages that may ask (CORS): https://shop.example; *: all")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  command
      ->add_option("--allow-host", arguments->hosts,
                   "further name that this server is called by, where --host is local: of a proxy before it")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--tls-cert", arguments->server.certificate.chain, "certificate chain: speak TLS")
      ->type_name("PEM");
  command->add_option("--tls-key", arguments->server.certificate.key, "its key")->type_name("PEM");
  add_limits(*command, *arguments);
  command->footer(
      "Routes: / is a page; /v1/predict, recommend, similar, explain, fold-in; /v2 is the Open Inference\n"
      "Protocol; /livez, /readyz, /metrics. /openapi.json describes all of them.\n"
      "SIGHUP, or POST /v2/repository/models/NAME/load, reads a model anew while the old one answers.\n"
      "SIGTERM and Ctrl-C end when what has begun is answered; a second one at once.\n\n"
      "Examples:\n"
      "  gcmc serve --model runs/mine\n"
      "  gcmc serve --model films=runs/films --model books=runs/books --host 0.0.0.0 --token-file token\n"
      "  curl 'localhost:8080/v1/recommend/7?n=3'\n"
      "  curl localhost:8080/v1/predict -d '{\"user\": \"7\", \"item\": \"50\"}'");
  return {command, [arguments] { run(*arguments); }};
}

#else

Command add_serve(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Answer over HTTP (left out of this build)");
  command->allow_extras();
  return {command,
          [] { throw gcmc::InputError("this build cannot serve: install libboost-dev and build gcmc again"); }};
}

#endif
