// What config.json records of the ratings that a run read, beside its options.
#pragma once

#include <string>
#include <vector>

#include "gcmc/files/readers.hpp"
#include "gcmc/options/option_names.hpp"

struct RecordedData {
  std::string place = {};  ///< from the root; empty: generated, or standard input
  gcmc::Offset bytes = 0;
  std::string checksum = {};  ///< empty: nothing is recorded

  RecordedData() = default;
  explicit RecordedData(const gcmc::DataSource& source);

  /// Takes the member of config.json. False if it is none of these.
  bool read(const std::string& name, const std::string& text);
  /// As members of config.json; none where nothing is recorded.
  std::vector<gcmc::OptionValue> values() const;
};

/// The path from the root; as it is where it is empty or "-".
std::string absolute_path(const std::string& path);
/// The same of several, parted by commas.
std::string absolute_paths(const std::string& paths);
