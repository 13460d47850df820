// The elements of an SVG drawing, and numbers and names as its text.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/base/text.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// Okabe and Ito's colours for text and lines that colour-blind readers can tell apart.
constexpr const char *blue = "#0072B2", *vermillion = "#D55E00", *green = "#00785A", *grey = "#5F6672",
                     *dark = "#1B1F24";

/// Every drawing's page, and the columns of its plot, in pixels.
constexpr double page_width = 960, page_height = 540, plot_left = 70, plot_right = 812;

struct Extent {
  double low = 0, high = 1;
  double span() const { return high - low; }
};

/// Finite, and so are the differences of two such values.
inline bool drawable(double value) { return std::abs(value) < 1e100; }

/// The 1, 2 or 5 times a power of ten that parts `span` into at most `most` steps.
inline double nice_step(double span, int most) {
  const double power = std::pow(10.0, std::floor(std::log10(span / most)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (span <= factor * power * most) return factor * power;
  return 10 * power;
}

struct Ticks {
  std::vector<double> values;
  int decimals = 0;
};

inline Ticks ticks(Extent range, int most, bool whole) {
  double step = nice_step(range.span(), most);
  if (whole) step = std::max(step, 1.0);
  Ticks result;
  result.decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 12);
  const double first = std::ceil(range.low / step - 1e-6);
  for (int i = 0; i <= most && (first + i) * step <= range.high + 1e-6 * step; ++i)
    result.values.push_back((first + i) * step);
  return result;
}

inline std::string fixed(double value, int decimals) {
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals);
  return {text.data(), end.ptr};
}

/// A pixel position; far outside the page it is cut, which clipping hides.
inline std::string pixel(double value) { return fixed(std::clamp(value, -2000.0, 3000.0), 1); }

/// A measured value: four decimals, or scientific where those would say nothing.
inline std::string value_text(double value) {
  if (value == 0 || (std::abs(value) >= 1e-3 && std::abs(value) < 1e5)) return fixed(value, 4);
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 2);
  return {text.data(), end.ptr};
}

/// Text fit for XML: valid UTF-8 without what is no character, at most `longest` characters, special ones escaped.
inline std::string escaped(const std::string& raw, std::size_t longest = 48) {
  using nlohmann::json;
  const auto text = json::parse(json(raw).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::string result;
  std::size_t characters = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins_character = (byte & 0xC0) != 0x80;
    if (begins_character && characters++ == longest) return result + "\u2026";
    if (byte >= 0xBE && result.ends_with("\xEF\xBF"))  // U+FFFE, U+FFFF
      result.replace(result.size() - 2, 2, " ");
    else if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += byte < 0x20 ? ' ' : c;
  }
  return result;
}

struct Style {
  double size = 13;
  const char* colour = dark;
  const char* anchor = "start";
  bool bold = false;
};

/// The picture under construction.
class Picture {
 public:
  /// The page with its title and a line below it, both fit for XML.
  void begin(const std::string& title, const std::string& subtitle) {
    add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"540\" viewBox=\"0 0 960 540\" "
        "role=\"img\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">");
    add("<title>" + title + "</title>");
    add("<desc>" + subtitle + "</desc>");
    add("<rect width=\"960\" height=\"540\" fill=\"#FFFFFF\"/>");
    text(plot_left, 38, title, {20, dark, "start", true});
    text(plot_left, 62, subtitle, {13, grey});
  }
  void add(const std::string& element) { text_ += element + "\n"; }
  void text(double x, double y, const std::string& content, Style style) {
    add("<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" font-size=\"" + fixed(style.size, 0) + "\" fill=\"" +
        style.colour + "\" text-anchor=\"" + style.anchor + "\"" + (style.bold ? " font-weight=\"600\"" : "") + ">" +
        content + "</text>");
  }
  void line(double x1, double y1, double x2, double y2, const char* colour, double width, const char* dashes = "") {
    const std::string pattern = *dashes ? std::string(" stroke-dasharray=\"") + dashes + "\"" : "";
    add("<line x1=\"" + pixel(x1) + "\" y1=\"" + pixel(y1) + "\" x2=\"" + pixel(x2) + "\" y2=\"" + pixel(y2) +
        "\" stroke=\"" + colour + "\" stroke-width=\"" + fixed(width, 1) + "\"" + pattern + "/>");
  }
  void circle(double x, double y, double radius, const char* fill, const char* stroke) {
    add("<circle cx=\"" + pixel(x) + "\" cy=\"" + pixel(y) + "\" r=\"" + fixed(radius, 1) + "\" fill=\"" + fill +
        "\" stroke=\"" + stroke + "\" stroke-width=\"1.5\"/>");
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace gcmc
