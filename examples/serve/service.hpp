// The service: finds the route of a request, asks for what the route demands, counts and logs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "access_log.hpp"
#include "http.hpp"
#include "live_model.hpp"
#include "metrics.hpp"

namespace serve {

/// What Amazon SageMaker says of the container.
struct SageMaker {
  bool batch = false;  ///< a transform of files: each line must get one
  int payload_mb = 6;  ///< that a batch transform should send at once
  int transforms = 1;  ///< that it should send side by side
  std::string default_accept = {};
  std::function<gcmc::Offset()> memory_left = {};  ///< bytes
};

struct ServiceOptions {
  std::string token;                 ///< that a caller must bear; empty: none
  std::vector<std::string> origins;  ///< of other pages that may ask; "*": all
  std::vector<std::string> hosts;    ///< names that this server may be called by; none: all
  std::size_t most_pairs = 1000000;  ///< of a request
  std::optional<SageMaker> sagemaker = {};
};

class Service;

/// A request, as the function of its route sees it.
struct Call {
  Service& service;
  const Request& request;
  std::map<std::string, std::string> path, query;  ///< the values of {names}, and of the query

  /// The model that the path or the query names, else the first. Throws Problem.
  std::shared_ptr<const LiveModel> model() const;
  /// A whole number of the query. Throws Problem 400.
  long long integer(const std::string& name, long long otherwise, long long low, long long high) const;
  bool boolean(const std::string& name, bool otherwise) const;
  /// Throws Problem 413 for more pairs, items or users than a request may name.
  void check_count(std::size_t count) const;
  std::string text(const std::string& name) const;  ///< "" if it is not there
};

/// One line of the table of routes, from which requests are answered and the OpenAPI document is made.
struct Route {
  const char* method;
  const char* path;  ///< with {names}
  const char* summary;
  const char* query;      ///< names of its parameters, with blanks between them; what they are stands in openapi.cpp
  const char* request;    ///< name of the body's schema there; nullptr: no body
  const char* answer_is;  ///< name of the answer's schema, or its media type
  Place place;            ///< where it is answered
  bool open;              ///< without the token
  Response (*answer)(Call&);
};

/// All of them, of SageMaker's too or without those.
std::span<const Route> routes(bool of_sagemaker);
/// OpenAPI 3.0, as JSON, of a server of these models.
std::string openapi_document(const std::vector<std::string>& models, const ServiceOptions& options);

class Service {
 public:
  Service(Models& asked, ServiceOptions given, AccessLog& log)
      : models(asked), options(std::move(given)), document(openapi_document(asked.names(), options)), log_(log) {}

  Plan plan(const Request& head);
  void finished(Exchange exchange);

  Models& models;
  const ServiceOptions options;
  const std::string document;  ///< openapi_document
  Metrics metrics;
  HttpServer* server = nullptr;  ///< that it answers for

 private:
  /// The plan of a request. Its route stands as soon as it is known: also where Problem is thrown after that.
  void fill(Plan& plan, const Request& head);
  bool bears_token(const Request& head) const;
  Headers for_origin(const Request& head) const;
  void check_origin(const Request& head) const;
  void check_host(const Request& head) const;

  AccessLog& log_;
};

}  // namespace serve
