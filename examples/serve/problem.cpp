#include "problem.hpp"

#include "http.hpp"
#include "json_text.hpp"

namespace serve {
namespace {

/// RFC 9110's name of a status that this server gives.
const char* title(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

Response problem(int status, std::string_view detail, std::string_view field) {
  Response response{status, "application/problem+json"};
  JsonText json(response.body);
  json.open('{').key("type").string("about:blank").key("title").string(title(status));
  json.key("status").integer(status).key("detail").string(detail);
  if (!field.empty()) json.key("field").string(field);
  json.close('}');
  response.body += '\n';
  return response;
}

}  // namespace serve
