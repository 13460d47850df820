#include "recorded_data.hpp"

#include <charconv>
#include <filesystem>

#include "gcmc/ratings/checksum.hpp"

namespace {

constexpr const char *place_name = "data_place", *bytes_name = "data_bytes", *checksum_name = "data_checksum";

}  // namespace

RecordedData::RecordedData(const gcmc::DataSource& source)
    : bytes(source.report.bytes), checksum(gcmc::checksum(source.ratings)) {
  std::error_code none;
  if (std::filesystem::exists(source.report.place, none)) place = absolute_path(source.report.place);
}

bool RecordedData::read(const std::string& name, const std::string& text) {
  if (name == place_name)
    place = text;
  else if (name == checksum_name)
    checksum = text;
  else if (name == bytes_name)
    std::from_chars(text.data(), text.data() + text.size(), bytes);
  else
    return false;
  return true;
}

std::vector<gcmc::OptionValue> RecordedData::values() const {
  if (checksum.empty()) return {};
  return {{place_name, place, true}, {bytes_name, std::to_string(bytes), false}, {checksum_name, checksum, true}};
}

std::string absolute_path(const std::string& path) {
  std::error_code none;
  if (path.empty() || path == "-") return path;
  const std::filesystem::path whole = std::filesystem::absolute(path, none);
  return none ? path : whole.lexically_normal().string();
}

std::string absolute_paths(const std::string& paths) {
  std::string whole;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != paths.npos; begin = comma + 1) {
    comma = paths.find(',', begin);
    whole += (begin > 0 ? "," : "") + absolute_path(paths.substr(begin, comma == paths.npos ? comma : comma - begin));
  }
  return whole;
}
