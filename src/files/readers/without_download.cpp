// What stands for downloads and archives in a build without libcurl, libzip and OpenSSL.
#include "archive.hpp"
#include "download.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

[[noreturn]] void refuse(const char* what) {
  throw InputError(std::string("this build has no ") + what +
                   ": install libcurl, libzip and OpenSSL (Debian: libcurl4-openssl-dev libzip-dev libssl-dev) and "
                   "build again");
}

}  // namespace

void download(const KnownSet&, const std::filesystem::path&, const DataRequest&,
              const std::function<bool(const std::filesystem::path&)>&) {
  refuse("download");
}

void unpack(const std::filesystem::path&, const std::filesystem::path&, Offset) { refuse("reader of archives"); }

std::vector<std::filesystem::path> top_folders(const std::filesystem::path&) { refuse("reader of archives"); }

}  // namespace gcmc
