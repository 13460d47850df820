#include "sha256.hpp"

#ifdef GCMC_SERVE_TLS
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#endif

namespace serve {

#ifdef GCMC_SERVE_TLS
std::string sha256_of_model(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code none;
  fs::path place = folder;
  if (!fs::exists(place / "model.safetensors", none) && fs::is_directory(place / "model", none)) place /= "model";
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  const auto add = [&](const fs::path& path) {
    std::ifstream file(path / "model.safetensors", std::ios::binary);
    if (!file) return false;
    std::array<char, 1 << 16> part{};
    while (file.read(part.data(), part.size()), file.gcount() > 0)
      EVP_DigestUpdate(context.get(), part.data(), static_cast<std::size_t>(file.gcount()));
    return true;
  };
  if (!add(place))
    for (int k = 1; add(place / std::to_string(k));) ++k;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &bytes);
  std::string text;
  for (unsigned k = 0; k < bytes; ++k) text += {"0123456789abcdef"[digest[k] >> 4], "0123456789abcdef"[digest[k] & 15]};
  return text;
}
#else
std::string sha256_of_model(const std::string&) { return {}; }
#endif

}  // namespace serve
