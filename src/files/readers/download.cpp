// Downloads of MovieLens archives (libcurl) and their unpacking (libzip). Everything is made under temporary names, and
// the set's folder gets its own name last, by one rename.
#include "download.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "../system_error.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

constexpr std::array<std::string_view, 7> offered = {"ml-100k", "ml-1m",  "ml-10m",         "ml-20m",
                                                     "ml-25m",  "ml-32m", "ml-latest-small"};

}  // namespace

bool is_downloadable(const std::string& name) {
  return std::find(offered.begin(), offered.end(), name) != offered.end();
}

}  // namespace gcmc

#if !GCMC_WITH_DOWNLOAD

namespace gcmc {

void download(const std::string&, const std::filesystem::path&,
              const std::function<bool(const std::filesystem::path&)>&, const std::function<void(Offset, Offset)>&) {
  throw InputError(
      "this build has no download: install libcurl and libzip (Debian: libcurl4-openssl-dev libzip-dev) and build "
      "again");
}

}  // namespace gcmc

#else

#include <curl/curl.h>
#include <unistd.h>
#include <zip.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace gcmc {
namespace {

namespace fs = std::filesystem;

constexpr long connect_seconds = 15, stall_seconds = 30;
constexpr zip_uint64_t largest_unpacked = zip_uint64_t{16} << 30;

/// A new folder in `parent`, removed with all it holds at the end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    std::error_code code;
    fs::create_directories(parent, code);
    std::string path = (parent / "download-XXXXXX").string();
    if (code || !mkdtemp(path.data()))
      throw_system_error(parent.string() + ": no folder can be made here", code ? code.value() : errno);
    path_ = path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// A file being written; close() reports a full disk.
class NewFile {
 public:
  explicit NewFile(const fs::path& path) : path_(path.string()), file_(std::fopen(path_.c_str(), "wbx")) {
    if (!file_) fail();
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_) std::fclose(file_);
  }
  bool write(const char* data, std::size_t size) { return std::fwrite(data, 1, size, file_) == size; }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  }
  [[noreturn]] void fail() const { throw_system_error(path_ + ": cannot be written", errno); }

 private:
  std::string path_;
  std::FILE* file_;
};

struct Transfer {
  NewFile& file;
  const std::function<void(Offset, Offset)>& progress;
  bool write_failed = false;
  std::exception_ptr thrown;  ///< by progress; it must not pass through libcurl
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* transfer) {
  auto& self = *static_cast<Transfer*>(transfer);
  if (self.file.write(data, size)) return size;
  self.write_failed = true;
  return 0;
}

int report(void* transfer, curl_off_t total, curl_off_t received, curl_off_t, curl_off_t) {
  auto& self = *static_cast<Transfer*>(transfer);
  try {
    if (self.progress) self.progress(received, total);
    return 0;
  } catch (...) {
    self.thrown = std::current_exception();
    return 1;
  }
}

void set_protocols(CURL* curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS | CURLPROTO_HTTP | CURLPROTO_FILE);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTPS | CURLPROTO_HTTP);
#endif
}

void fetch(const std::string& address, const fs::path& path, const std::function<void(Offset, Offset)>& progress) {
  NewFile file(path);
  Transfer transfer{file, progress, false, {}};
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (started != CURLE_OK || !curl) throw FileError("libcurl cannot be started");
  std::array<char, CURL_ERROR_SIZE> reason{};
  set_protocols(curl.get());
  curl_easy_setopt(curl.get(), CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, stall_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, report);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  const CURLcode code = curl_easy_perform(curl.get());
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (transfer.write_failed) file.fail();
  if (code != CURLE_OK) {
    const std::string message = address + ": " + (reason[0] ? reason.data() : curl_easy_strerror(code));
    for (const CURLcode wrong_address : {CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_FILE_COULDNT_READ_FILE})
      if (code == wrong_address) throw InputError(message);
    throw FileError(message);
  }
  file.close();
}

/// Is an archive's name a path inside the folder that it is unpacked into?
bool is_inside(std::string_view name) {
  if (name.empty() || name.find_first_of("\\:") != std::string_view::npos) return false;
  const fs::path path(name);
  return !path.is_absolute() && std::find(path.begin(), path.end(), fs::path("..")) == path.end();
}

/// The archive's entry `index` into a file of `folder`; its CRC is checked by the read that meets its end.
void unpack_entry(zip_t* archive, zip_uint64_t index, const zip_stat_t& entry, const fs::path& folder) {
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> source(zip_fopen_index(archive, index, 0), zip_fclose);
  if (!source) throw InputError(std::string("archive entry ") + entry.name + ": " + zip_strerror(archive));
  const fs::path path = folder / entry.name;
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  if (code) throw_system_error(path.parent_path().string() + ": cannot be made", code);
  NewFile file(path);
  std::vector<char> buffer(1 << 16);
  zip_uint64_t received = 0;
  for (;;) {
    const zip_int64_t count = zip_fread(source.get(), buffer.data(), buffer.size());
    if (count < 0)
      throw InputError(std::string("archive entry ") + entry.name + " is damaged: " + zip_file_strerror(source.get()));
    if (count == 0) break;
    received += static_cast<zip_uint64_t>(count);
    if (received > entry.size) break;
    if (!file.write(buffer.data(), static_cast<std::size_t>(count))) file.fail();
  }
  if (received != entry.size)
    throw InputError(std::string("archive entry ") + entry.name + " is damaged: its size is not " +
                     std::to_string(entry.size));
  file.close();
}

void unpack(const fs::path& path, const fs::path& folder) {
  int code = 0;
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code), zip_discard);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw InputError("the archive is damaged: " + reason);
  }
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  zip_uint64_t total = 0;
  for (zip_int64_t k = 0; k < count; ++k) {
    const auto index = static_cast<zip_uint64_t>(k);
    zip_stat_t entry;
    if (zip_stat_index(archive.get(), index, 0, &entry) != 0 || !(entry.valid & ZIP_STAT_NAME) ||
        !(entry.valid & ZIP_STAT_SIZE))
      throw InputError(std::string("the archive is damaged: ") + zip_strerror(archive.get()));
    if (!is_inside(entry.name))
      throw InputError(std::string("archive entry ") + entry.name + " points outside: refused");
    if (entry.size > largest_unpacked || (total += entry.size) > largest_unpacked)
      throw InputError("the archive unpacks to more than 16 GiB: refused");
    if (std::string_view(entry.name).back() != '/') unpack_entry(archive.get(), index, entry, folder);
  }
}

/// The one folder that the archives of GroupLens hold at their top.
fs::path top_folder(const fs::path& folder) {
  fs::path top;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory() || entry.path().filename() == "__MACOSX") continue;
    if (!top.empty()) throw InputError("more than one folder in the archive, one was expected");
    top = entry.path();
  }
  if (top.empty()) throw InputError("no folder in the archive, one was expected");
  return top;
}

std::string address_of(const std::string& name) {
  const char* given = std::getenv("GCMC_DATA_URL");
  std::string base = given && *given ? given : "https://files.grouplens.org/datasets/movielens";
  while (base.back() == '/' && base.size() > 1) base.pop_back();
  return base + "/" + name + ".zip";
}

}  // namespace

void download(const std::string& name, const fs::path& cache, const std::function<bool(const fs::path&)>& is_right,
              const std::function<void(Offset, Offset)>& progress) {
  const TemporaryFolder temporary(cache);
  const fs::path archive = temporary.path() / "archive.zip", unpacked = temporary.path() / "unpacked";
  const std::string address = address_of(name);
  fetch(address, archive, progress);
  try {
    fs::create_directory(unpacked);
    unpack(archive, unpacked);
    const fs::path top = top_folder(unpacked);
    if (!is_right(top)) throw InputError("the archive has no file of ratings of the format that " + name + " has");
    std::error_code code;
    fs::rename(top, cache / name, code);
    // Where another process was faster, its folder is as good.
    if (code && !is_right(cache / name))
      throw InputError((cache / name).string() + " cannot be made: " + code.message() + "; remove what is there");
  } catch (const fs::filesystem_error& error) {
    throw_system_error(address + ": cannot be unpacked: " + error.path1().string(), error.code());
  } catch (const Error& error) {
    rethrow_as(address + ": " + error.what());
  }
}

}  // namespace gcmc

#endif
