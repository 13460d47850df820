#include "notes.hpp"

#include <cstdio>

#include "gcmc/base/text.hpp"

void tell_note(const std::string& text) {
  std::fprintf(stderr, "%s%s\n", opening_of_notes, gcmc::printable(text).c_str());
}
