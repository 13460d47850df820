// Transfers by libcurl, and parts of files that a broken transfer left.
#include "fetch.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <memory>
#include <string_view>
#include <system_error>

#include "../system_error.hpp"
#include "gcmc/base/error.hpp"
#include "written_file.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

/// What the last response says of itself.
struct Response {
  long status = 0;        ///< 0: not by HTTP
  Offset first = 0;       ///< byte of the file that is sent first
  Offset total = 0;       ///< bytes of the whole file; 0: not told
  std::string validator;  ///< names this state of the file: its strong ETag, else when it was last modified
};

/// The value of the header `name` (in lower case) if this line is one.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return {};
  for (std::size_t k = 0; k < name.size(); ++k)
    if ((line[k] >= 'A' && line[k] <= 'Z' ? line[k] - 'A' + 'a' : line[k]) != name[k]) return {};
  line.remove_prefix(name.size() + 1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (std::any_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; })) return {};
  return line;
}

void take_header(Response& response, std::string_view line) {
  if (line.starts_with("HTTP/")) response = {};
  if (const auto tag = value_of(line, "etag"); tag && tag->starts_with('"')) response.validator = *tag;
  if (const auto date = value_of(line, "last-modified"); date && response.validator.empty()) response.validator = *date;
}

/// One transfer. `take` gets the response and the bytes of its body as they come; what it throws ends the transfer and
/// is thrown by run().
class Transfer {
 public:
  using Take = std::function<void(const Response&, std::string_view)>;

  explicit Transfer(const FetchRequest& request) : request_(request) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK || !curl_) throw FileError("libcurl cannot be started");
    set_protocols();
    const DownloadLimits& limits = request.limits;
    set(CURLOPT_URL, request.address.c_str());
    set(CURLOPT_ERRORBUFFER, reason_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect_seconds));
    set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.least_rate));
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.slow_seconds));
    set(CURLOPT_TIMEOUT, static_cast<long>(limits.total_seconds));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, this);
  }

  /// Asks for the bytes from `first` on, if the file is still what the validator names.
  void ask_from(Offset first, const std::string& validator) {
    asked_from_ = first;
    headers_.reset(curl_slist_append(nullptr, ("If-Range: " + validator).c_str()));
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_RANGE, (std::to_string(first) + "-").c_str());
  }

  void run(const Take& take) {
    take_ = &take;
    const CURLcode code = curl_easy_perform(curl_.get());
    if (thrown_) std::rethrow_exception(thrown_);
    if (code != CURLE_OK) fail(code);
  }

  /// The server answered that it has nothing there, or not those bytes.
  bool has_nothing() const {
    return response_.status == 403 || response_.status == 404 || response_.status == 410 || no_file_;
  }
  bool has_no_such_range() const { return response_.status == 416; }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(curl_.get(), option, value);
  }

  void set_protocols() {
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "https,http,file");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
#else
    set(CURLOPT_PROTOCOLS, long{CURLPROTO_HTTPS | CURLPROTO_HTTP | CURLPROTO_FILE});
    set(CURLOPT_REDIR_PROTOCOLS, long{CURLPROTO_HTTPS | CURLPROTO_HTTP});
#endif
  }

  [[noreturn]] void fail(CURLcode code) {
    const std::string message = request_.address + ": " + (reason_[0] ? reason_.data() : curl_easy_strerror(code));
    no_file_ = code == CURLE_FILE_COULDNT_READ_FILE;
    if (has_nothing() || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) throw InputError(message);
    throw FileError(message);
  }

  void require_bounded(Offset bytes) const {
    if (bytes > request_.largest)
      throw InputError(request_.address + ": more than the " + std::to_string(request_.largest) +
                       " bytes that may be expected there: refused");
  }

  /// An exception must not pass through libcurl, which is told to end the transfer.
  template <class Do>
  bool guarded(const Do& act) {
    try {
      act();
      return true;
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool good = transfer.guarded([&] {
      take_header(transfer.response_, {data, size});
      curl_easy_getinfo(transfer.curl_.get(), CURLINFO_RESPONSE_CODE, &transfer.response_.status);
      transfer.response_.first = transfer.response_.status == 206 ? transfer.asked_from_ : 0;
    });
    return good ? size : 0;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool good = transfer.guarded([&] {
      Response& response = transfer.response_;
      curl_off_t length = 0;
      curl_easy_getinfo(transfer.curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
      transfer.require_bounded(length);
      if (length > 0) response.total = response.first + length;
      transfer.received_ += static_cast<Offset>(size);
      transfer.require_bounded(std::max(response.total, response.first + transfer.received_));
      (*transfer.take_)(response, {data, size});
    });
    return good ? size : 0;
  }

  static int on_progress(void* self, curl_off_t total, curl_off_t received, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    const Offset first = transfer.response_.first;
    const bool good = transfer.guarded([&] {
      if (transfer.request_.progress)
        transfer.request_.progress({.received = first + received, .total = total > 0 ? first + total : 0});
    });
    return good ? 0 : 1;
  }

  const FetchRequest& request_;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> reason_{};
  const Take* take_ = nullptr;
  Response response_;
  Offset asked_from_ = 0, received_ = 0;
  bool no_file_ = false;
  std::exception_ptr thrown_;
};

fs::path source_of(const fs::path& part) { return part.string() + ".source"; }

/// A file that is being received. Beside it lies what it is a part of: address, validator and bytes of the whole.
class Part {
 public:
  Part(const fs::path& path, const std::string& address) : path_(path), address_(address) {
    std::ifstream source(source_of(path));
    std::string of_address;
    Offset total = 0;
    std::getline(source, of_address) && std::getline(source, validator_) && source >> total;
    std::error_code none;
    if (source && of_address == address && !validator_.empty() && fs::is_regular_file(fs::symlink_status(path, none)))
      size_ = std::min(static_cast<Offset>(fs::file_size(path)), total - 1);  // of a whole file the last byte is asked
    if (size_ <= 0) discard();
  }

  Offset size() const { return size_; }
  const std::string& validator() const { return validator_; }
  bool is_open() const { return file_.has_value(); }

  void go_on() {
    fs::resize_file(path_, static_cast<std::uintmax_t>(size_));
    file_.emplace(path_, "abe");
  }

  void begin(const Response& response) {
    discard();
    if (!response.validator.empty() && response.total > 0) {
      WrittenFile source(source_of(path_), "wbxe");
      source.write(address_ + "\n" + response.validator + "\n" + std::to_string(response.total) + "\n");
      source.close();
      validator_ = response.validator;
    }
    file_.emplace(path_, "wbxe");
  }

  void write(std::string_view bytes) { file_->write(bytes); }
  void close() { file_->close(); }

  void discard() {
    file_.reset();
    discard_part(path_);
    size_ = 0;
    validator_.clear();
  }

 private:
  fs::path path_;
  std::string address_, validator_;
  Offset size_ = 0;
  std::optional<WrittenFile> file_;
};

}  // namespace

bool is_known_part(const fs::path& part) {
  std::error_code none;
  return fs::exists(source_of(part), none);
}

void discard_part(const fs::path& part) {
  std::error_code ignored;
  fs::remove(source_of(part), ignored);  // first: bytes that nothing is known of are never gone on with
  fs::remove(part, ignored);
}

std::optional<std::string> fetch_text(const FetchRequest& request) {
  Transfer transfer(request);
  std::string text;
  try {
    transfer.run([&](const Response&, std::string_view bytes) { text += bytes; });
  } catch (const InputError&) {
    if (transfer.has_nothing()) return {};
    throw;
  }
  return text;
}

bool fetch_file(const FetchRequest& request, const fs::path& path) {
  Part part(path, request.address);
  Transfer transfer(request);
  if (part.size() > 0) transfer.ask_from(part.size(), part.validator());
  bool gone_on = false;
  try {
    transfer.run([&](const Response& response, std::string_view bytes) {
      if (!part.is_open()) {
        gone_on = response.status == 206 && part.size() > 0;
        gone_on ? part.go_on() : part.begin(response);
      }
      part.write(bytes);
    });
    if (!part.is_open()) part.begin({});
    part.close();
    return gone_on;
  } catch (const InputError&) {
    if (part.is_open()) part.discard();
    throw;
  } catch (const FileError& error) {
    if (part.size() == 0 || !transfer.has_no_such_range())
      rethrow_as(error.what() +
                 std::string(is_known_part(path) ? "; what came is kept, and the next try goes on from there" : ""));
    part.discard();
  }
  return fetch_file(request, path);  // from the start, since nothing is left of the part
}

}  // namespace gcmc
