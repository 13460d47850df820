// The checksum by which people tell model files apart.
#pragma once

#include <string>

namespace serve {

/// SHA-256 of the model.safetensors in a model's folder (of several, one file after the other), in hexadecimal digits;
/// empty in a build without OpenSSL.
std::string sha256_of_model(const std::string& folder);

}  // namespace serve
