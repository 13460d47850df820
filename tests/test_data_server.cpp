// Downloads from a server that breaks off, stalls, lies and never ends (tests/data_server.py), from several processes,
// and through a proxy.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "catch.hpp"
#include "data_files.hpp"
#include "download_machine.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"

using namespace gcmc;
using Names = std::vector<std::string>;

namespace {

using namespace std::chrono_literals;

constexpr std::size_t ratings_of_archive = 2000;

std::string archive() {
  std::string dat;
  for (std::size_t k = 1; k <= ratings_of_archive; ++k) dat += std::to_string(k) + "::1::3::4\n";
  return zipped({{"ml-1m/ratings.dat", dat}});
}

template <class Holds>
bool wait_until(const Holds& holds) {
  for (int tries = 0; tries < 2000 && !holds(); ++tries) std::this_thread::sleep_for(10ms);
  return holds();
}

/// A machine with a server of its own, which ends with it.
class Server : public Machine {
 public:
  Server() {
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"})
      unsetenv(name);
    const char* data = std::getenv("GCMC_TEST_DATA");
    const std::string script = std::string(data ? data : "tests/data") + "/../data_server.py";
    process_.reset(popen(("exec python3 '" + script + "' '" + *this / "server'").c_str(), "w"));
    REQUIRE(process_);
    REQUIRE(wait_until([&] { return std::filesystem::exists(*this / "server/port"); }));
    offer("ml-1m.zip", archive());
  }
  ~Server() { unsetenv("http_proxy"); }

  std::string address() const { return "http://127.0.0.1:" + read_bytes(*this / "server/port"); }

  /// A line a request for an archive: path, Range, If-Range.
  Names requests() const {
    Names lines;
    std::ifstream file(*this / "server/requests");
    for (std::string line; std::getline(file, line);)
      if (line.find(".zip ") != std::string::npos) lines.push_back(line);
    return lines;
  }

  DataRequest request(const std::string& behaviour) const {
    return {.name = "ml-1m",
            .data_url = address() + "/" + behaviour,
            .limits = {.connect_seconds = 5, .least_rate = 1000, .slow_seconds = 1, .total_seconds = 60}};
  }

 private:
  struct Close {
    void operator()(std::FILE* process) const { pclose(process); }
  };
  std::unique_ptr<std::FILE, Close> process_;
};

/// What an Error says, "another kind: ..." if it is not of this one; "no error".
template <class Kind = Error>
std::string error_of(const DataRequest& request) {
  try {
    load_data(request);
  } catch (const Error& error) {
    const Kind* kind = dynamic_cast<const Kind*>(&error);
    return (kind ? "" : "another kind: ") + std::string(error.what());
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool without_server() {
  const Machine machine;
  const bool without = contains(error_of({.name = "ml-1m"}), "this build has no download") ||
                       std::system("python3 --version >/dev/null 2>&1") != 0;
  if (without) WARN("skipped: this build has no download, or this machine no python3");
  return without;
}

std::size_t read_by(const DataRequest& request) { return load_data(request).ratings.entries.size(); }

}  // namespace

TEST_CASE("a download that broke off is gone on with, and the rest alone is sent", "[server]") {
  if (without_server()) return;
  const Server server;
  const auto [behaviour, validator] = GENERATE(
      table<std::string, std::string>({{"broken", "\"first\""}, {"broken-by-date", "Sat, 01 Feb 2020 10:00:00 GMT"}}));
  CHECK(contains(error_of<FileError>(server.request(behaviour)),
                 "what came is kept, and the next try goes on from there"));
  CHECK(server.cached_names() == Names{"download-ml-1m.zip", "download-ml-1m.zip.source"});
  CHECK(read_by(server.request(behaviour)) == ratings_of_archive);
  CHECK(server.requests().back() ==
        "/" + behaviour + "/ml-1m.zip bytes=" + std::to_string(archive().size() / 2) + "- " + validator);
  CHECK(server.cached_names() == Names{"ml-1m"});
}

TEST_CASE("a part of what the server has no longer, or does not go on with, is not used", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string behaviour =
      GENERATE("changed", "without-ranges", "refused-range", "wrong-range", "changed-unsaid", "nameless");
  INFO(behaviour);
  CHECK(contains(error_of<FileError>(server.request(behaviour)), "ml-1m.zip: "));
  CHECK(server.cached() == (behaviour == "nameless" ? 0 : 2));
  CHECK(read_by(server.request(behaviour)) == ratings_of_archive);
  CHECK(server.cached_names() == Names{"ml-1m"});
}

TEST_CASE("a part of another address or of another file's is not gone on with", "[server]") {
  if (without_server()) return;
  const Server server;
  error_of(server.request("broken"));
  CHECK(read_by(server.request("ranges")) == ratings_of_archive);
  CHECK(contains(server.requests().back(), "/ranges/ml-1m.zip None None"));
}

TEST_CASE("a transfer that stalls or drips is given up, and says so", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string behaviour = GENERATE("stall", "silent", "drip");
  const auto start = std::chrono::steady_clock::now();
  const std::string error = error_of<FileError>(server.request(behaviour));
  INFO(behaviour << ": " << error);
  CHECK(contains(error, "too slow. Less than 1000 bytes/sec transferred the last 1 seconds"));
  CHECK(std::chrono::steady_clock::now() - start < 20s);
  DataRequest patient = server.request("drip");
  patient.limits.least_rate = 1;
  patient.limits.total_seconds = 1;
  CHECK(contains(error_of<FileError>(patient), "timed out after 1"));
}

TEST_CASE("an archive larger than the set may have is cut at the bound, announced or not", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string behaviour = GENERATE("huge", "endless", "endless-chunks", "endless-rest");
  INFO(behaviour);
  if (behaviour == "endless-rest") error_of(server.request(behaviour));
  CHECK(contains(error_of<InputError>(server.request(behaviour)),
                 "more than the 48000000 bytes that may be expected there: refused"));
  CHECK(server.cached() == 0);
}

TEST_CASE("a wrong length is noticed", "[server]") {
  if (without_server()) return;
  const Server server;
  CHECK(contains(error_of<InputError>(server.request("short-length")), "the archive is damaged"));
  CHECK(contains(error_of<FileError>(server.request("long-length")), "10 bytes remaining"));
  CHECK(server.cached() == 0);
}

TEST_CASE("a server's answer that is no archive is told as what it is", "[server]") {
  if (without_server()) return;
  const Server server;
  CHECK(contains(error_of<InputError>(server.request("403")), "error: 403"));
  CHECK(contains(error_of<InputError>(server.request("404")), "error: 404"));
  CHECK(contains(error_of<FileError>(server.request("500")), "error: 500"));
  CHECK(contains(error_of<FileError>(server.request("moved-for-good")), "Maximum (10) redirects followed"));
  CHECK(contains(error_of<FileError>(server.request("garbage")), "ml-1m.zip: "));
  CHECK_FALSE(contains(error_of(server.request("moved-to-file")), "no error"));
  CHECK(server.cached() == 0);
  CHECK(read_by(server.request("moved")) == ratings_of_archive);
}

TEST_CASE("an archive is checked by the sum that lies beside it", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string right = "d041d8cd98f00b204e9800998ecf8427", wrong = "0123456789ABCDEF0123456789ABCDEF";
  server.offer("ml-1m.zip.md5", "MD5 (ml-1m.zip) = " + wrong + "\n");
  const std::string error = error_of<InputError>(server.request("plain"));
  INFO(error);
  CHECK(contains(error, "ml-1m.zip: the archive's MD5 sum is "));
  CHECK(contains(error, ", but the server states 0123456789abcdef0123456789abcdef"));
  CHECK(server.cached() == 0);
  server.offer("ml-1m.zip.md5", "<html>");
  CHECK(contains(error_of<InputError>(server.request("plain")), "ml-1m.zip.md5: no MD5 sum in it, one was expected"));
  server.offer("ml-1m.zip.md5", std::string(1001, ' ') + right);
  CHECK(contains(error_of<InputError>(server.request("plain")), "more than the 1000 bytes"));
  const std::string sum = error.substr(error.find("sum is ") + 7, 32);
  server.offer("ml-1m.zip.md5", GENERATE_COPY("MD5 (ml-1m.zip) = " + sum + "\n", sum + "  ml-1m.zip\r\n"));
  CHECK(read_by(server.request("plain")) == ratings_of_archive);
}

TEST_CASE("the MD5 sum is that of RFC 1321", "[server]") {
  if (without_server()) return;
  const Server server;
  server.offer("ml-1m.zip", "message digest");
  server.offer("ml-1m.zip.md5", std::string(32, '0'));
  CHECK(contains(error_of(server.request("plain")), "sum is f96b697d7cb7938d525a2f31aaf161d0,"));
}

TEST_CASE("a proxy is used, and GroupLens' own archive must have the ratings that GroupLens states", "[server]") {
  if (without_server()) return;
  const Server server;
  std::string data;
  for (int k = 1; k < 100000; ++k) data += std::to_string(k % 900 + 1) + "\t" + std::to_string(k) + "\t3\t4\n";
  server.offer("ml-100k.zip", zipped({{"ml-100k/u.data", data}}));
  setenv("http_proxy", server.address().c_str(), 1);
  const DataRequest request{.name = "ml-100k", .data_url = "http://files.grouplens.org/datasets/movielens/"};
  CHECK(contains(error_of<InputError>(request), "the archive has 99999 ratings, but ml-100k has 100000"));
  CHECK(server.cached() == 0);
  CHECK(server.requests().back() == "http://files.grouplens.org/datasets/movielens/ml-100k.zip None None");
  server.offer("ml-100k.zip", zipped({{"ml-100k/u.data", data + "1\t1\t3\t4"}}));
  const DataSource source = load_data(request);
  CHECK(source.ratings.entries.size() == 100000);
  CHECK(source.note.empty());
}

TEST_CASE("a mirror may be given by the request, before the environment's", "[server]") {
  if (without_server()) return;
  const Server server;
  setenv("GCMC_DATA_URL", "http://127.0.0.1:1", 1);
  CHECK(read_by(server.request("plain")) == ratings_of_archive);
}

TEST_CASE("two that want a set share one download", "[server]") {
  if (without_server()) return;
  const Server server;
  std::atomic<bool> waits = false;
  DataRequest request = server.request("gate");
  request.limits.slow_seconds = 60;
  auto first = std::async(std::launch::async, [&] { return read_by(request); });
  REQUIRE(wait_until([&] { return server.requests().size() == 1; }));
  request.progress = [&](const DownloadProgress& progress) { waits = waits || progress.waiting; };
  auto second = std::async(std::launch::async, [&] { return read_by(request); });
  CHECK(wait_until([&] { return waits.load(); }));
  write_bytes(server / "server/go", "");
  CHECK(first.get() == ratings_of_archive);
  CHECK(second.get() == ratings_of_archive);
  CHECK(server.requests().size() == 1);
  CHECK(server.cached_names() == Names{"ml-1m"});
}

TEST_CASE("a download that is killed leaves a part, with which the next one goes on", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string part = server / "cache/gcmc/download-ml-1m.zip";
  const pid_t child = fork();
  if (child == 0) {
    DataRequest request = server.request("stall-once");
    request.limits.slow_seconds = 60;
    error_of(request);
    _exit(0);
  }
  std::error_code none;
  CHECK(wait_until([&] { return std::filesystem::file_size(part, none) + 1 > 1; }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(server.cached() == 3);  // the part, what it is of, and the lock, which nobody holds
  const std::string came = std::to_string(std::filesystem::file_size(part));
  CHECK(read_by(server.request("stall-once")) == ratings_of_archive);
  CHECK(contains(server.requests().back(), "/stall-once/ml-1m.zip bytes=" + came + "- "));
  CHECK(server.cached_names() == Names{"ml-1m"});
}

TEST_CASE("a part outlives a server that is away", "[server]") {
  if (without_server()) return;
  const Server server;
  error_of(server.request("away"));
  CHECK(contains(error_of<InputError>(server.request("away")), "error: 404"));
  CHECK(server.cached() == 2);
  CHECK(read_by(server.request("away")) == ratings_of_archive);
  CHECK(contains(server.requests().back(), " bytes=" + std::to_string(archive().size() / 2) + "- "));
}

TEST_CASE("a whole archive that was not unpacked is not sent again", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string part = server.make("cache/gcmc/download-ml-1m.zip", archive());
  const std::string size = std::to_string(archive().size());
  write_bytes(part + ".source", server.address() + "/ranges/ml-1m.zip\n\"first\"\n" + size + "\n");
  CHECK(read_by(server.request("ranges")) == ratings_of_archive);
  CHECK(contains(server.requests().back(), " bytes=" + std::to_string(archive().size() - 1) + "- "));
}

TEST_CASE("what killed downloads left is removed by the next one, and nothing else", "[server]") {
  if (without_server()) return;
  const Server server;
  server.make("cache/gcmc/download-ml-1m.new/ml-1m/ratings.dat", "1::2");
  server.make("cache/gcmc/download-ml-25m.new/ml-25m/ratings.csv", "userId");
  server.make("cache/gcmc/download-ml-25m.lock", "");
  server.make("cache/gcmc/download-mine.new/ratings.csv", "userId");
  server.make("cache/gcmc/download-ml-1m.zip", "of nothing known");
  CHECK(read_by(server.request("plain")) == ratings_of_archive);
  CHECK(server.cached_names() == Names{"download-mine.new", "ml-1m"});
}

TEST_CASE("links planted in the cache are not written through", "[server]") {
  if (without_server()) return;
  const Server server;
  const std::string target = server.make("target", "untouched");
  std::filesystem::create_directories(server / "cache/gcmc");
  const std::string name = GENERATE("zip", "zip.source", "new", "lock");
  std::filesystem::create_symlink(target, server / ("cache/gcmc/download-ml-1m." + name));
  const std::string error = error_of(server.request("ranges"));
  CHECK(contains(error, name == "lock" ? "cannot be locked" : "no error"));
  CHECK(read_bytes(target) == "untouched");
}
