// Zip archives by libzip.
#include "archive.hpp"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "../system_error.hpp"
#include "gcmc/base/error.hpp"
#include "written_file.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

constexpr zip_int64_t most_entries = 1000;
constexpr Offset largest_ratio = 100, unpacked_of_any = 16'000'000;

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;

Archive open_archive(const fs::path& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code), zip_discard);
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw InputError("the archive is damaged: " + reason);
}

/// Is an archive's name a path inside the folder that it is unpacked into?
bool is_inside(std::string_view name) {
  if (name.empty() || name.find_first_of("\\:") != std::string_view::npos) return false;
  const fs::path path(name);
  return !path.is_absolute() && std::find(path.begin(), path.end(), fs::path("..")) == path.end();
}

/// What the archive says of its entries, all of which are fit to be unpacked to `largest` bytes together.
std::vector<zip_stat_t> checked_entries(zip_t* archive, Offset largest) {
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  if (count > most_entries)
    throw InputError("the archive has " + std::to_string(count) + " entries, at most " + std::to_string(most_entries) +
                     " were expected");
  std::vector<zip_stat_t> entries(static_cast<std::size_t>(count));
  zip_uint64_t left = static_cast<zip_uint64_t>(largest);
  for (zip_uint64_t k = 0; k < entries.size(); ++k) {
    zip_stat_t& entry = entries[k];
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive, k, 0, &entry) != 0 || (entry.valid & needed) != needed)
      throw InputError(std::string("the archive is damaged: ") + zip_strerror(archive));
    const std::string place = std::string("archive entry ") + entry.name;
    if (!is_inside(entry.name)) throw InputError(place + " points outside: refused");
    if (entry.comp_method != ZIP_CM_STORE && entry.comp_method != ZIP_CM_DEFLATE)
      throw InputError(place + " is compressed by method " + std::to_string(entry.comp_method) +
                       ", deflate was expected");
    if (entry.size > left)
      throw InputError("the archive unpacks to more than " + std::to_string(largest) + " bytes: refused");
    left -= entry.size;
  }
  return entries;
}

/// The archive's entry into a file of `folder`; its CRC is checked by the read that meets its end.
void unpack_entry(zip_t* archive, const zip_stat_t& entry, const fs::path& folder) {
  const std::string place = std::string("archive entry ") + entry.name;
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> source(zip_fopen_index(archive, entry.index, 0), zip_fclose);
  if (!source) throw InputError(place + ": " + zip_strerror(archive));
  const fs::path path = folder / entry.name;
  fs::create_directories(path.parent_path());
  WrittenFile file(path, "wbxe");
  std::vector<char> buffer(1 << 16);
  zip_uint64_t received = 0;
  while (received <= entry.size) {
    const zip_int64_t count = zip_fread(source.get(), buffer.data(), buffer.size());
    if (count < 0) throw InputError(place + " is damaged: " + zip_file_strerror(source.get()));
    if (count == 0) break;
    received += static_cast<zip_uint64_t>(count);
    file.write({buffer.data(), static_cast<std::size_t>(count)});
  }
  if (received != entry.size) throw InputError(place + " is damaged: its size is not " + std::to_string(entry.size));
  file.close();
}

}  // namespace

void unpack(const fs::path& path, const fs::path& folder, Offset largest) try {
  const Offset of_ratio = largest_ratio * static_cast<Offset>(fs::file_size(path));
  const Archive archive = open_archive(path);
  for (const zip_stat_t& entry : checked_entries(archive.get(), std::min(largest, std::max(unpacked_of_any, of_ratio))))
    if (std::string_view(entry.name).back() != '/') unpack_entry(archive.get(), entry, folder);
} catch (const fs::filesystem_error& error) {
  throw_system_error(error.path1().string() + ": cannot be unpacked", error.code());
}

std::vector<fs::path> top_folders(const fs::path& unpacked) {
  std::vector<fs::path> tops;
  for (const fs::directory_entry& entry : fs::directory_iterator(unpacked))
    if (entry.is_directory() && entry.path().filename() != "__MACOSX") tops.push_back(entry.path());
  return tops;
}

}  // namespace gcmc
