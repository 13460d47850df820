// Checks that an SVG is a drawing that every viewer shows. For tests: it asserts.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"

/// Plain check that `text` is an XML element tree: tags nest, attributes are quoted, entities are known.
inline void check_well_formed(const std::string& text) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      if (text[at] == '&') {
        const std::string entity = text.substr(at, text.find(';', at) - at);
        CHECK((entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot"));
      }
      CHECK((!open.empty() || text[at] == '\n'));
      ++at;
      continue;
    }
    const auto end = text.find('>', at);
    REQUIRE(end != text.npos);
    const std::string tag = text.substr(at + 1, end - at - 1);
    REQUIRE(tag.find('<') == tag.npos);
    CHECK(std::count(tag.begin(), tag.end(), '"') % 2 == 0);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag.front() == '/') {
      REQUIRE_FALSE(open.empty());
      CHECK(tag.substr(1) == open.back());
      open.pop_back();
    } else {
      roots += open.empty();
      if (tag.back() != '/') open.push_back(name);
    }
    at = end + 1;
  }
  CHECK(open.empty());
  CHECK(roots == 1);
}

inline void check_drawing(const std::string& svg) {
  check_well_formed(svg);
  CHECK(svg.find("<svg ") == 0);
  CHECK(svg.find("width=\"960\" height=\"540\"") != svg.npos);
  CHECK(svg.size() < 60000);
  for (const std::string unwanted : {"\"nan", "\"-nan", "\"inf", "\"-inf", ",nan", ",inf"})
    CHECK(svg.find(unwanted) == svg.npos);
}
