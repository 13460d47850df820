// What train and tune do before they train: the folder to write to, the ratings, and what is said of them.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/files/readers.hpp"
#include "program_options.hpp"

/// save_dir/save_id, made before training so that a folder that cannot be written costs no training; empty if none.
std::string make_save_folder(const ProgramOptions& program);

/// Reads the ratings at the path that was given, or finds the data set by name, downloads it if need be, and reads it;
/// tells on standard error what the user should know. Made-up ratings may stand in for ml-100k where nobody asked for
/// it by name.
gcmc::DataSource load(const Settings& settings);

/// The columns that were understood, the set's sizes and place, and what the preset auto chose.
void print_data(const gcmc::DataSource& source, const gcmc::Options& options);
