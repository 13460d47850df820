// The folders that SageMaker lays out for a container, and what it says in its environment.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace sagemaker {

/// Empty where it is not set.
inline std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

/// SAGEMAKER_BASE_DIR, else /opt/ml.
inline std::filesystem::path base_folder() {
  const std::string given = environment("SAGEMAKER_BASE_DIR");
  return given.empty() ? "/opt/ml" : given;
}

/// What the variable says, else `place` in the base folder.
inline std::filesystem::path folder(const std::string& variable, const std::string& place) {
  const std::string given = environment(variable);
  return given.empty() ? base_folder() / place : std::filesystem::path(given);
}

inline std::filesystem::path model_folder() { return folder("SM_MODEL_DIR", "model"); }

}  // namespace sagemaker
