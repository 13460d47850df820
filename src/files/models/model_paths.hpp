// What a saved model calls itself, and where its parts lie.
#pragma once

#include <filesystem>
#include <string>

#include "../system_error.hpp"

namespace gcmc {

inline constexpr const char* format_name = "gcmc-model";
inline constexpr int format_version = 1;
inline constexpr const char *tensors_file = "/model.safetensors", *config_file = "/config.json",
                            *users_file = "/users.txt", *items_file = "/items.txt", *titles_file = "/titles.txt";

/// The folder's name without links and a slash at its end, so that a name beside it can be made of it.
inline std::string folder_path(const std::string& folder) {
  namespace fs = std::filesystem;
  if (folder.empty()) throw InputError("a saved model's folder has no name");
  std::error_code code;
  fs::path path = fs::absolute(folder, code);
  if (!code) path = fs::weakly_canonical(path, code);
  if (code) throw_system_error(folder, code);
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) throw InputError(folder + ": cannot be a saved model's folder");
  return path.string();
}

inline bool holds_model(const std::string& folder) {
  std::error_code code;
  return std::filesystem::exists(folder + tensors_file, code);
}

/// Of the k-th of several models, counted from 1.
inline std::string member_folder(const std::string& folder, std::size_t k) { return folder + "/" + std::to_string(k); }

}  // namespace gcmc
