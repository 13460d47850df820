// gcmc serve, for the program.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "access_log.hpp"
#include "http.hpp"
#include "service.hpp"

namespace serve {

struct ServerOptions {
  std::vector<std::pair<std::string, std::string>> models;  ///< names and folders
  std::string host = "127.0.0.1";
  int port = 8080;
  Limits limits = {};
  Certificate certificate = {};  ///< empty: no TLS
  LogForm log = LogForm::text;
  ServiceOptions service = {};
};

/// Serves until SIGTERM or SIGINT, which end it when what has begun is answered, a second one at once; SIGHUP loads the
/// models anew. Throws gcmc::Error for an address, a certificate or a model that cannot be had.
void run_server(const ServerOptions& options);

}  // namespace serve
