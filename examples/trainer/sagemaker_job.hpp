// What a training job of Amazon SageMaker is told: its hyperparameters, its channels and its hosts.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sagemaker {

using Arguments = std::vector<std::string>;
using Parameters = std::map<std::string, std::string>;
/// Folders by the names train, test, validation and features.
using Channels = std::map<std::string, std::filesystem::path>;

/// What a search is told, beside the options of gcmc tune.
inline constexpr std::array<const char*, 5> search_names = {"search", "trials", "eta", "rungs", "tune_seed"};

/// hyperparameters.json, else SM_HPS, by the names of options with _. Throws gcmc::InputError for others.
Parameters read_parameters();

/// Those of inputdataconfig.json, and those that have a folder. Throws gcmc::InputError for others.
Channels read_channels();

/// The arguments of a command that say where the ratings and what belongs to them are.
Arguments data_arguments(const Channels& channels);

/// Throws gcmc::InputError unless there is one.
void check_hosts();

/// The text of a value in any of the encodings: raw, or as JSON within a string. True is true, and 500.0 is 500.
std::string plain_text(const nlohmann::json& value);

}  // namespace sagemaker
