// What a fuzzer defines, and what it is made with. main.cpp makes a libFuzzer target of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gcmc {

/// Inputs to begin with: whole ones of each kind.
std::vector<std::string> seeds();

/// Gives the bytes to what reads them. An Error is an answer like any other; all else that is thrown is a finding.
void feed(std::string_view bytes);

/// Several files as one input: each one's length in four bytes, then its bytes. Any bytes are `count` files: lengths
/// that are too large are cut.
std::string packed(const std::vector<std::string>& files);
std::vector<std::string> unpacked(std::string_view bytes, std::size_t count);

/// A finding, with this text, unless `holds`.
void expect(bool holds, const char* text);

}  // namespace gcmc
