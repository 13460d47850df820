// What train and tune do before they train: the folder to write to, the ratings, and what is said of them.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "gcmc/files/readers.hpp"
#include "program_options.hpp"

/// save_dir/save_id, made before training so that a folder that cannot be written costs no training. Those that were
/// made and are empty in the end go again.
class SaveFolder {
 public:
  /// Throws gcmc::Error if it cannot be written to.
  explicit SaveFolder(const ProgramOptions& program);
  SaveFolder(const SaveFolder&) = delete;
  SaveFolder& operator=(const SaveFolder&) = delete;
  ~SaveFolder();

  /// Empty if there is none.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::filesystem::path> made_;  ///< the innermost first
};

/// Reads the ratings at the path that was given, or finds the data set by name, downloads it if need be, and reads it;
/// tells on standard error what the user should know. Made-up ratings may stand in for ml-100k where nobody asked for
/// it by name.
gcmc::DataSource load(const Settings& settings);
/// The same, telling nothing.
gcmc::DataSource read_data(Settings settings);

/// The options of each fold: the set's own where it has so many and no split is asked for, which are read by read_data;
/// else drawn from `source`.
std::vector<gcmc::Options> folds_of(const gcmc::DataSource& source, const gcmc::Options& options);

/// What was done to the ratings that their user may not expect, a line a note.
void tell_notes(std::FILE* to, const char* opening, const gcmc::DataSource& source, const gcmc::ReadOptions& reading);

/// What config.json records of the ratings. Tells where a run that is repeated had others.
RecordedData record(const gcmc::DataSource& source, const Settings& settings);

/// The columns of the tables of ratings, features and edges.
void print_understood(const gcmc::ReadReport& report);

/// The columns that were understood, the set's sizes and place, and what the preset auto chose.
void print_data(const gcmc::DataSource& source, const gcmc::Options& options);
