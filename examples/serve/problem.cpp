#include "problem.hpp"

#include <algorithm>
#include <array>

#include "http.hpp"
#include "json_text.hpp"

namespace serve {
namespace {

struct Title {
  int status;
  const char* text;
};

/// RFC 9110's names of the statuses that this server gives.
constexpr std::array titles = {Title{400, "Bad Request"},
                               Title{401, "Unauthorized"},
                               Title{403, "Forbidden"},
                               Title{404, "Not Found"},
                               Title{405, "Method Not Allowed"},
                               Title{406, "Not Acceptable"},
                               Title{409, "Conflict"},
                               Title{413, "Content Too Large"},
                               Title{415, "Unsupported Media Type"},
                               Title{417, "Expectation Failed"},
                               Title{431, "Request Header Fields Too Large"},
                               Title{501, "Not Implemented"},
                               Title{503, "Service Unavailable"},
                               Title{505, "HTTP Version Not Supported"},
                               Title{507, "Insufficient Storage"}};

const char* title(int status) {
  const auto found = std::find_if(titles.begin(), titles.end(), [&](const Title& t) { return t.status == status; });
  return found == titles.end() ? "Internal Server Error" : found->text;
}

}  // namespace

Response problem(int status, std::string_view detail, std::string_view field) {
  Response response{status, "application/problem+json"};
  JsonText json(response.body);
  json.open('{').key("type").string("about:blank").key("title").string(title(status));
  json.key("status").integer(status).key("detail").string(detail);
  if (!field.empty()) json.key("field").string(field);
  json.key("error").string(detail);  // where the Open Inference Protocol looks for it
  json.close('}');
  response.body += '\n';
  return response;
}

}  // namespace serve
