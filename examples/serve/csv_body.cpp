#include "csv_body.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "gcmc/base/error.hpp"
#include "live_model.hpp"
#include "problem.hpp"

namespace serve {
namespace {

/// A text as a file in memory, since readers read files.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : file_(memfd_create("body", MFD_CLOEXEC)) {
    while (file_ >= 0 && !text.empty()) {
      const ssize_t written = write(file_, text.data(), text.size());
      if (written <= 0) break;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (file_ < 0 || !text.empty()) throw Problem(503, "not enough memory for this request");
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace

std::vector<gcmc::IdPair> pairs_of_csv(const std::string& text) {
  if (text.starts_with("\x1f\x8b")) throw Problem(415, "the body must be plain text, not compressed");
  const MemoryFile file(text);
  try {
    return gcmc::read_id_pairs(file.path());
  } catch (const gcmc::InputError& error) {
    std::string message = error.what();
    if (message.starts_with(file.path())) message.replace(0, file.path().size(), "body");
    throw Problem(400, message);
  }
}

}  // namespace serve
