// Sentences for the user on standard error.
#pragma once

#include <string>

inline constexpr const char* opening_of_notes = "gcmc: note: ";

/// A line of its own, fit to be shown.
void tell_note(const std::string& text);

/// A word of a command that is told, as a shell reads it.
std::string quoted_for_shell(const std::string& argument);
