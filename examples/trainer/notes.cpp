#include "notes.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>

#include "gcmc/base/text.hpp"

void tell_note(const std::string& text) {
  std::fprintf(stderr, "%s%s\n", opening_of_notes, gcmc::printable(text).c_str());
}

std::string quoted_for_shell(const std::string& argument) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("_@%+=:,./-", c); };
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), plain)) return argument;
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}
