#include "target.hpp"

#include <charconv>

#include "gcmc/base/text.hpp"
#include "problem.hpp"

namespace serve {
namespace {

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t k = 0; k < text.size(); ++k) {
    if (text[k] != '%') {
      plain += text[k];
      continue;
    }
    unsigned value = 0;
    const char *begin = text.data() + k + 1, *end = text.data() + std::min(k + 3, text.size());
    const auto read = std::from_chars(begin, end, value, 16);
    if (read.ptr != begin + 2) throw Problem(400, "the target has a % that two hexadecimal digits do not follow");
    plain += static_cast<char>(value);
    k += 2;
  }
  return plain;
}

/// Calls visit(part) for what lies between separators.
template <class Visit>
void for_each_part(std::string_view text, char separator, const Visit& visit) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    visit(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

Target::Target(std::string_view text) {
  const std::size_t mark = text.find('?');
  for_each_part(text.substr(std::min<std::size_t>(1, text.size()), mark == std::string_view::npos ? mark : mark - 1),
                '/', [&](std::string_view part) { segments.push_back(decoded(part)); });
  if (mark == std::string_view::npos || mark + 1 == text.size()) return;
  for_each_part(text.substr(mark + 1), '&', [&](std::string_view part) {
    std::string spaced(part);
    for (char& c : spaced)
      if (c == '+') c = ' ';
    const std::size_t equals = spaced.find('=');
    std::string name = decoded(std::string_view(spaced).substr(0, equals));
    std::string value = equals == std::string::npos ? "" : decoded(std::string_view(spaced).substr(equals + 1));
    if (!query.emplace(name, std::move(value)).second)
      throw Problem(400, "the query names " + gcmc::printable(name, 40) + " twice", gcmc::printable(name, 40));
  });
}

std::optional<std::map<std::string, std::string>> match(std::string_view pattern,
                                                        const std::vector<std::string>& segments) {
  std::map<std::string, std::string> values;
  std::size_t place = 0;
  bool fits = true;
  for_each_part(pattern.substr(1), '/', [&](std::string_view part) {
    if (place >= segments.size())
      fits = false;
    else if (part.starts_with('{') && !segments[place].empty())
      values[std::string(part.substr(1, part.size() - 2))] = segments[place];
    else
      fits = fits && part == segments[place];
    ++place;
  });
  if (!fits || place != segments.size()) return {};
  return values;
}

}  // namespace serve
