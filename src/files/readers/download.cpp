// Downloads into the cache. All that one makes there has a name of its own, download-NAME.*, until it is checked.
#include "download.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "../file_lock.hpp"
#include "../system_error.hpp"
#include "archive.hpp"
#include "fetch.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

constexpr Offset largest_checksum_file = 1000;
constexpr std::chrono::milliseconds between_tries{100};

fs::path own_name(const fs::path& cache, const KnownSet& set, const char* ending) {
  return cache / ("download-" + std::string(set.name) + ending);
}

/// Calls `use` with the file's bytes, a piece at a time.
template <class Use>
void for_each_piece(const fs::path& path, const Use& use) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0)
    use(std::string_view(buffer.data(), static_cast<std::size_t>(file.gcount())));
  if (!file.eof()) throw FileError(path.string() + ": cannot be read");
}

std::string md5_of(const fs::path& path) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) == 1;
  for_each_piece(path, [&](std::string_view bytes) {
    good = good && EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1;
  });
  if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    throw FileError("this machine's OpenSSL computes no MD5 sums");
  std::string text;
  for (unsigned k = 0; k < size; ++k) {
    text += "0123456789abcdef"[digest[k] >> 4];
    text += "0123456789abcdef"[digest[k] & 15];
  }
  return text;
}

/// The first word of 32 hexadecimal digits, in lower case; empty if there is none. GroupLens writes
/// "MD5 (ml-1m.zip) = SUM" as well as "SUM  ml-1m.zip".
std::string sum_in(std::string_view text) {
  std::string word;
  for (const char c : std::string(text) + ' ') {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      word += lower;
    } else {
      if (word.size() == 32 && word.find_first_not_of("0123456789abcdef") == std::string::npos) return word;
      word.clear();
    }
  }
  return {};
}

/// The sum that the server states of its archive; empty where it states none.
std::string published_sum(FetchRequest request) {
  request.address += ".md5";
  request.largest = largest_checksum_file;
  request.progress = {};
  const std::optional<std::string> text = fetch_text(request);
  if (!text) return {};
  std::string sum = sum_in(*text);
  if (sum.empty()) throw InputError(request.address + ": no MD5 sum in it, one was expected");
  return sum;
}

std::string base_address(const DataRequest& request) {
  const char* given = std::getenv("GCMC_DATA_URL");
  std::string base = !request.data_url.empty() ? request.data_url : given ? given : "";
  if (base.empty()) base = "https://files.grouplens.org/datasets/movielens";
  while (base.back() == '/' && base.size() > 1) base.pop_back();
  return base;
}

bool is_grouplens(std::string_view address) {
  const std::size_t host = address.find("://");
  return host != std::string_view::npos && address.substr(host + 3).starts_with("files.grouplens.org/");
}

void require_published_ratings(const KnownSet& set, const fs::path& folder) {
  if (set.ratings == 0) return;
  Offset lines = set.ratings_file.ends_with(".csv") ? -1 : 0;  // a header
  char last = '\n';
  for_each_piece(folder / set.ratings_file, [&](std::string_view bytes) {
    lines += std::count(bytes.begin(), bytes.end(), '\n');
    last = bytes.back();
  });
  if (last != '\n') ++lines;
  if (lines != set.ratings)
    throw InputError("the archive has " + std::to_string(lines) + " ratings, but " + std::string(set.name) + " has " +
                     std::to_string(set.ratings));
}

/// Makes what is in the folder survive a power cut, before its name says that it is whole.
void sync_all(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const Descriptor open(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (open.is_open()) ::fsync(open.number());
  }
}

/// False while another process has it.
bool take(FileLock& lock) {
  const FileLock::Answer answer = lock.try_take();
  if (answer == FileLock::Answer::unsupported) throw_system_error(lock.path() + ": cannot be locked", errno);
  return answer == FileLock::Answer::taken;
}

/// What killed downloads left, but for parts to go on with, of any set that nobody downloads now.
void remove_unpacked(const fs::path& cache) {
  for (const KnownSet& set : known_sets) {
    const fs::path unpacked = own_name(cache, set, ".new"), lock_file = own_name(cache, set, ".lock");
    if (!fs::exists(fs::symlink_status(unpacked)) && !fs::exists(fs::symlink_status(lock_file))) continue;
    FileLock lock(lock_file);
    if (take(lock)) fs::remove_all(unpacked);
  }
}

/// At the end of a download, a part that no later one can go on with is removed.
struct EndOfPart {
  const fs::path& part;
  ~EndOfPart() {
    if (!is_known_part(part)) discard_part(part);
  }
};

/// The archive's folder, checked, under the set's own name.
void settle(const KnownSet& set, const fs::path& archive, const fs::path& cache, const std::string& sum, bool strict,
            const std::function<bool(const fs::path&)>& is_right) {
  if (!sum.empty())
    if (const std::string received = md5_of(archive); received != sum)
      throw InputError("the archive's MD5 sum is " + received + ", but the server states " + sum);
  const PassingFolder unpacked(own_name(cache, set, ".new"));
  fs::remove_all(unpacked.path());
  fs::create_directory(unpacked.path());
  unpack(archive, unpacked.path(), set.largest_unpacked());
  const std::vector<fs::path> tops = top_folders(unpacked.path());
  if (tops.size() != 1)
    throw InputError(std::string(tops.empty() ? "no" : "more than one") + " folder in the archive, one was expected");
  const fs::path& top = tops.front();
  if (!is_right(top))
    throw InputError("the archive has no file of ratings of the format that " + std::string(set.name) + " has");
  if (strict) require_published_ratings(set, top);
  sync_all(top);
  fs::rename(top, cache / set.name);
  discard_part(archive);
}

}  // namespace

void download(const KnownSet& set, const fs::path& cache, const DataRequest& request,
              const std::function<bool(const fs::path&)>& is_right) try {
  std::error_code code;
  fs::create_directories(cache, code);
  if (code) throw_system_error(cache.string() + ": no folder can be made here", code);
  remove_unpacked(cache);
  FileLock lock(own_name(cache, set, ".lock"));
  while (!take(lock)) {
    if (request.progress) request.progress({.waiting = true});
    std::this_thread::sleep_for(between_tries);
  }
  const fs::path place = cache / set.name, archive = own_name(cache, set, ".zip");
  if (is_right(place)) return;  // the other was faster
  if (fs::exists(place) && !fs::is_empty(place))
    throw InputError(place.string() + " cannot be made: something else is there; remove it");
  const std::string base = base_address(request);
  const FetchRequest fetch{.address = base + "/" + std::string(set.name) + ".zip",
                           .largest = set.largest_archive(),
                           .limits = request.limits,
                           .progress = request.progress};
  const EndOfPart end{archive};
  for (;;) {
    const bool gone_on = fetch_file(fetch, archive);
    const std::string sum = published_sum(fetch);
    try {
      return settle(set, archive, cache, sum, is_grouplens(base + "/"), is_right);
    } catch (const InputError& error) {
      discard_part(archive);
      if (!gone_on) rethrow_as(fetch.address + ": " + error.what());
    } catch (const FileError& error) {  // a full disk: what came need not come again
      rethrow_as(fetch.address + ": " + error.what());
    }
  }
} catch (const fs::filesystem_error& error) {
  throw_system_error(error.path1().string() + ": cannot be made", error.code());
}

}  // namespace gcmc
