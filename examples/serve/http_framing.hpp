// HTTP/1.1 as text, for http.cpp: where requests end, and how answers are framed.
#pragma once

#include <boost/beast/http.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "http.hpp"

namespace serve {

bool equal_without_case(std::string_view a, std::string_view b);

/// A request without its body. A target in its absolute form loses scheme and host.
Request head_of(const boost::beast::http::request_header<>& head);

/// What is wrong with a head that the parser let pass: whatever another server on the way could take to end elsewhere,
/// and what is not understood.
std::optional<Response> misframed(const Request& request, unsigned version);

/// What the parser's error means for the client: nothing if there is nobody to tell.
std::optional<Response> refusal(const boost::system::error_code& error);

/// Status line and headers, up to the empty line. With `more` the body is chunked.
std::string head_text(const Response& response, bool closes, unsigned version);

/// A chunk of a chunked body, and the end of it behind the last one.
std::string chunk(std::string_view data, bool last);

}  // namespace serve
