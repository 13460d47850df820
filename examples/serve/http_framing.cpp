#include "http_framing.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "gcmc/base/version.hpp"

namespace serve {
namespace {

namespace http = boost::beast::http;

std::string text(boost::beast::string_view view) { return {view.data(), view.size()}; }

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return date.data();
}

std::string path_of(std::string target) {
  const std::size_t scheme = target.starts_with('/') ? std::string::npos : target.find("://");
  if (scheme == std::string::npos) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string::npos ? "/" : target.substr(path);
}

}  // namespace

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_without_case(key, name)) return value;
  return {};
}

Request head_of(const http::request_header<>& head) {
  Request request{text(head.method_string()), path_of(text(head.target()))};
  for (const auto& field : head) request.headers.emplace_back(text(field.name_string()), text(field.value()));
  return request;
}

std::optional<Response> misframed(const Request& request, unsigned version) {
  const auto count = [&](std::string_view name) {
    return std::count_if(request.headers.begin(), request.headers.end(),
                         [&](const auto& header) { return equal_without_case(header.first, name); });
  };
  const std::string_view encoding = request.header("Content-Encoding"), expected = request.header("Expect");
  if (version != 10 && version != 11) return problem(505, "HTTP/1.0 and 1.1 are understood");
  if (count("Content-Length") > 1 || request.header("Content-Length").find(',') != std::string_view::npos)
    return problem(400, "more than one Content-Length");
  if (count("Transfer-Encoding") > 0) {
    if (count("Content-Length") > 0) return problem(400, "both Content-Length and Transfer-Encoding");
    if (version < 11) return problem(400, "Transfer-Encoding needs HTTP/1.1");
    if (count("Transfer-Encoding") > 1 || !equal_without_case(request.header("Transfer-Encoding"), "chunked"))
      return problem(501, "of transfer encodings, chunked alone is understood");
  }
  if (count("Host") > 1 || (version >= 11 && count("Host") == 0)) return problem(400, "a request needs one Host");
  if (!request.target.starts_with('/') && !(request.target == "*" && request.method == "OPTIONS"))
    return problem(400, "a target begins with /");
  if (!expected.empty() && !equal_without_case(expected, "100-continue"))
    return problem(417, "of expectations, 100-continue alone is understood");
  if (!encoding.empty() && !equal_without_case(encoding, "identity"))
    return problem(415, "the body must not be compressed");
  return {};
}

std::optional<Response> refusal(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "the header is larger than this server takes");
  if (error == http::error::body_limit) return problem(413, "the body is larger than this server takes");
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
  if (gone || error.category() != http::make_error_code(http::error::bad_method).category()) return {};
  return problem(400, "this is no HTTP request: " + error.message());
}

std::string head_text(const Response& response, bool closes, unsigned version) {
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  std::string head = version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(response.status) + ' ' + text(reason) +
          "\r\nServer: gcmc/" GCMC_VERSION "\r\nDate: " + http_date();
  if (!response.type.empty()) head += "\r\nContent-Type: " + response.type;
  for (const auto& [name, value] : response.headers) head += "\r\n" + name + ": " + value;
  if (closes)
    head += "\r\nConnection: close";
  else if (version == 10)
    head += "\r\nConnection: keep-alive";
  if (response.more && version != 10)
    head += "\r\nTransfer-Encoding: chunked";
  else if (!response.more && response.status != 204)
    head += "\r\nContent-Length: " + std::to_string(response.body.size());
  return head + "\r\n\r\n";
}

std::string chunk(std::string_view data, bool last) {
  std::string framed;
  if (!data.empty()) {
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    framed += size.data();
    framed += data;
    framed += "\r\n";
  }
  if (last) framed += "0\r\n\r\n";
  return framed;
}

}  // namespace serve
