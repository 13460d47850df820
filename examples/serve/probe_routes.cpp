#include "probe_routes.hpp"

#include "page.hpp"

namespace serve {
namespace {

/// A part of the page: nothing of it comes from elsewhere, and no other page may frame it.
Response part_of_page(const char* type, std::string_view text) {
  Response response{200, type, std::string(text)};
  response.headers = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-cache"}};
  return response;
}

}  // namespace

Response alive(Call&) { return {200, "text/plain", "alive\n"}; }

Response ready(Call& call) {
  const bool stopping = call.service.server->stopping();
  if (!stopping && call.service.models.ready()) return {200, "text/plain", "ready\n"};
  return {503, "text/plain", stopping ? "stopping\n" : "loading\n"};
}

Response metrics(Call& call) {
  return {200, "text/plain; version=0.0.4; charset=utf-8",
          call.service.metrics.text(call.service.models, call.service.server->in_flight())};
}

Response openapi(Call& call) { return {200, "application/json", call.service.document}; }

Response page(Call&) { return part_of_page("text/html; charset=utf-8", index_html); }
Response page_style(Call&) { return part_of_page("text/css; charset=utf-8", style_css); }
Response page_script(Call&) { return part_of_page("text/javascript; charset=utf-8", script_js); }

}  // namespace serve
