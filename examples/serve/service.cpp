#include "service.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>

#include "gcmc/base/error.hpp"
#include "problem.hpp"
#include "target.hpp"

namespace serve {
namespace {

Response failed(int status, std::string_view detail, std::string_view field = {}) {
  Response response = problem(status, detail, field);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

/// The answer of a route, whatever happens.
Response answered(const Route& route, Call& call) try { return route.answer(call); } catch (const Problem& error) {
  return failed(error.status(), error.what(), error.field());
} catch (const gcmc::InputError& error) {
  return failed(400, error.what());
} catch (const std::bad_alloc&) {
  return failed(503, "not enough memory for this request");
} catch (const std::exception& error) {
  return failed(500, error.what());
}

/// Takes as long for any other token of this length.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t k = 0; k < a.size() && k < b.size(); ++k) difference |= static_cast<unsigned char>(a[k] ^ b[k]);
  return difference == 0;
}

/// GET, HEAD, POST: those of all routes of a path.
std::string allowed(const std::vector<const Route*>& matching) {
  std::string methods = "OPTIONS";
  for (const Route* route : matching)
    methods += std::string(", ") + route->method + (std::string_view(route->method) == "GET" ? ", HEAD" : "");
  return methods;
}

void check_query(const Route& route, const Target& target) {
  const std::string known = ' ' + std::string(route.query) + ' ';
  for (const auto& [name, value] : target.query)
    if (name.empty() || name.find(' ') != std::string::npos || known.find(' ' + name + ' ') == std::string::npos)
      throw Problem(400,
                    "unknown parameter \"" + gcmc::printable(name, 40) + "\" in the query" +
                        (known.size() > 2 ? "; known are: " + std::string(route.query) : ""),
                    gcmc::printable(name, 40));
}

}  // namespace

std::shared_ptr<const LiveModel> Call::model() const {
  if (path.contains("model")) return service.models.find(path.at("model"));
  const std::string name = text("model");
  if (name.empty() && query.contains("model")) throw Problem(404, "the query names a model without a name", "model");
  return service.models.find(name);
}

std::string Call::text(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

long long Call::integer(const std::string& name, long long otherwise, long long low, long long high) const {
  const auto found = query.find(name);
  if (found == query.end()) return otherwise;
  long long value = 0;
  const char *begin = found->second.data(), *end = begin + found->second.size();
  const auto read = std::from_chars(begin, end, value);
  if (read.ec != std::errc{} || read.ptr != end || value < low || value > high)
    throw Problem(400, name + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                  name);
  return value;
}

bool Call::boolean(const std::string& name, bool otherwise) const {
  const auto found = query.find(name);
  if (found == query.end()) return otherwise;
  if (found->second != "true" && found->second != "false") throw Problem(400, name + " must be true or false", name);
  return found->second == "true";
}

void Call::check_count(std::size_t count) const {
  const std::size_t most = service.options.most_pairs;
  if (count > most) throw Problem(413, "at most " + gcmc::count_text(static_cast<long long>(most)) + " in a request");
}

bool Service::bears_token(const Request& head) const {
  std::string_view given = head.header("Authorization");
  if (options.token.empty()) return true;
  if (given.size() < 7 || in_lower_case(std::string(given.substr(0, 7))) != "bearer ") return false;
  return equal_in_constant_time(given.substr(7), options.token);
}

/// A browser says which page asks. Pages of others may not, unless they are named.
void Service::check_origin(const Request& head) const {
  const std::string_view origin = head.header("Origin");
  if (origin.empty() || !for_origin(head).empty()) return;
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos || origin.substr(scheme + 3) != head.header("Host"))
    throw Problem(
        403, "pages of " + gcmc::printable(origin, 80) + " may not ask here (--allow-origin names those that may)");
}

/// A page elsewhere whose name was made to lead here would be of one origin with this server; its name tells it.
void Service::check_host(const Request& head) const {
  std::string_view host = head.header("Host");
  if (options.hosts.empty() || host.empty()) return;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) host = host.substr(0, colon);
  const std::string name = in_lower_case(std::string(host));
  if (std::find(options.hosts.begin(), options.hosts.end(), name) == options.hosts.end())
    throw Problem(403, "this server is not known as " + gcmc::printable(name, 80) + " (--allow-host names it)");
}

Headers Service::for_origin(const Request& head) const {
  const std::string_view origin = head.header("Origin");
  for (const std::string& allowed : options.origins)
    if (!origin.empty() && (allowed == "*" || allowed == origin))
      return {{"Access-Control-Allow-Origin", allowed},
              {"Access-Control-Expose-Headers", "Retry-After, Inference-Header-Content-Length"},
              {"Vary", "Origin"}};
  return {};
}

void Service::fill(Plan& plan, const Request& head) {
  const Target target(head.target);
  std::vector<const Route*> matching;
  for (const Route& route : routes(options.sagemaker.has_value()))
    if (match(route.path, target.segments)) matching.push_back(&route);
  if (matching.empty()) throw Problem(404, "there is nothing at this path; /openapi.json lists what there is");
  plan.route = matching.front()->path;
  check_host(head);
  if (head.method == "OPTIONS") {
    plan.at_once = Response{204, ""};
    plan.at_once->headers = {{"Allow", allowed(matching)}};
    if (!for_origin(head).empty())
      plan.headers = {{"Access-Control-Allow-Methods", allowed(matching)},
                      {"Access-Control-Allow-Headers", "Authorization, Content-Type, Inference-Header-Content-Length"},
                      {"Access-Control-Max-Age", "600"}};
    return;
  }
  const std::string method = head.method == "HEAD" ? "GET" : head.method;
  const auto found =
      std::find_if(matching.begin(), matching.end(), [&](const Route* r) { return r->method == method; });
  if (found == matching.end()) {
    plan.at_once = problem(405, head.method + " is not for this path, but " + allowed(matching));
    plan.at_once->headers.emplace_back("Allow", allowed(matching));
    return;
  }
  const Route& route = **found;
  if (!route.open && !bears_token(head)) {
    plan.at_once = problem(401, "this server asks for a token: Authorization: Bearer TOKEN");
    plan.at_once->headers.emplace_back("WWW-Authenticate", "Bearer");
    return;
  }
  check_origin(head);
  if (!route.open) check_query(route, target);  // a probe's caller may add what it likes
  plan.place = route.place;
  plan.answer = [this, &route, path = *match(route.path, target.segments),
                 query = target.query](const Request& request) {
    Call call{*this, request, path, query};
    return answered(route, call);
  };
}

Plan Service::plan(const Request& head) {
  Plan plan{"other"};
  try {
    fill(plan, head);
  } catch (const Problem& error) {
    plan.at_once = failed(error.status(), error.what(), error.field());
  } catch (const std::exception& error) {
    plan.at_once = problem(500, error.what());
  }
  for (auto& header : for_origin(head)) plan.headers.push_back(std::move(header));
  return plan;
}

void Service::finished(Exchange exchange) {
  static constexpr std::array methods = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"};
  const bool is_known = std::find(methods.begin(), methods.end(), exchange.method) != methods.end();
  if (!is_known) exchange.method = "other";  // what a client makes up is not repeated
  metrics.count(exchange);
  log_.add(exchange);
}

}  // namespace serve
