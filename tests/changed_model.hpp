// A saved model whose files, or whose tensors, were changed: what is said of it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "error_of.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

namespace gcmc {

inline void check_equal(const SavedModel& a, const SavedModel& b) {
  CHECK(a.options == b.options);
  CHECK(a.dataset == b.dataset);
  CHECK(a.levels == b.levels);
  CHECK(a.user_ids == b.user_ids);
  CHECK(a.item_ids == b.item_ids);
  CHECK(a.item_titles == b.item_titles);
  CHECK(a.tensors == b.tensors);
  CHECK(a.encodings == b.encodings);
  CHECK(a.mean == b.mean);
  CHECK(a.metrics == b.metrics);
  CHECK(a.split == b.split);
}

/// The message of saving small_model<float>() after `change`; nothing may have been written.
inline std::string save_error(const std::function<void(SavedModel&)>& change) {
  const ScratchFolder folder;
  auto model = small_model<float>();
  change(model);
  const auto message = error_of([&] { save_model(folder / "model", model); });
  CHECK(std::filesystem::is_empty(folder / "."));
  return message;
}

/// The message of loading small_model<float>() after `change` to its files.
inline std::string load_error(const std::function<void(const std::string&)>& change) {
  const ScratchFolder folder;
  save_model(folder / "model", small_model<float>());
  change(folder / "model");
  return error_of([&] { load_model(folder / "model"); });
}

/// The same, after one piece of a file's text is replaced.
inline std::string load_error(const std::string& name, const std::string& piece, const std::string& replacement) {
  return load_error([&](const std::string& folder) {
    std::string text = read_bytes(folder + "/" + name);
    const auto at = text.find(piece);
    REQUIRE(at != text.npos);
    write_bytes(folder + "/" + name, text.replace(at, piece.size(), replacement));
  });
}

/// The same, after the tensors are changed and written again.
inline std::string tensor_error(const std::function<void(std::map<std::string, Tensor>&)>& change) {
  return load_error([&](const std::string& folder) {
    auto tensors = read_safetensors(folder + "/model.safetensors");
    change(tensors);
    write_safetensors(folder + "/model.safetensors", tensors);
  });
}

}  // namespace gcmc
