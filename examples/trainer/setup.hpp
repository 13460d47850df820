// What train and tune do before they train: the folder to write to, the ratings, and what is said of them.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/ratings/ratings.hpp"
#include "program_options.hpp"

/// Throws gcmc::Error if it cannot be written to.
void make_folder(const std::filesystem::path& folder);

/// save_dir/save_id, made before training so that a folder that cannot be written costs no training; empty if none.
std::string make_save_folder(const ProgramOptions& program);

/// Finds, downloads if need be, and reads the data set; tells on standard error what the user should know. Made-up
/// ratings may stand in for ml-100k where nobody asked for it by name.
gcmc::Ratings load(const Settings& settings);

/// The set's sizes, and what the preset auto chose.
void print_data(const gcmc::Ratings& ratings, const gcmc::Options& options);
