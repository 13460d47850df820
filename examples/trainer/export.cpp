// gcmc export: a model in another folder, whole or without what only training and folding in need.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "asking.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"

namespace {

struct Arguments {
  std::string model, output, precision = "full";
  bool slim = false;
};

/// Levels are checked beside the items that they belong to, and take a byte a rating.
bool is_kept(const std::string& tensor) { return gcmc::Predictor::reads(tensor) || tensor.ends_with(".levels"); }

gcmc::Offset bytes_of(const std::vector<gcmc::SavedModel>& models) {
  std::size_t bytes = 0;
  for (const gcmc::SavedModel& model : models)
    for (const auto& [name, tensor] : model.tensors)
      bytes += std::visit([](const auto& values) { return values.size() * sizeof(values.front()); }, tensor.values);
  return static_cast<gcmc::Offset>(bytes);
}

/// Of all tensors in a folder.
std::uintmax_t bytes_in(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
  return bytes;
}

void export_model(const Arguments& arguments) {
  std::error_code none;
  for (const char* inner : {"", "/model"})
    gcmc::require(!std::filesystem::equivalent(arguments.model + inner, arguments.output, none),
                  arguments.output + " is the model itself: name another folder");
  gcmc::check_model_folder(arguments.output);
  std::vector<gcmc::SavedModel> models = gcmc::load_models(arguments.model);
  const gcmc::Offset before = bytes_of(models);
  if (arguments.slim) {
    for (gcmc::SavedModel& model : models) {
      std::erase_if(model.tensors, [](const auto& tensor) { return !is_kept(tensor.first); });
      model.encodings = {};  // of features that only the encoder takes
    }
  }
  const auto precision = arguments.precision == "bf16"   ? gcmc::EmbeddingPrecision::bf16
                         : arguments.precision == "int8" ? gcmc::EmbeddingPrecision::int8
                                                         : gcmc::EmbeddingPrecision::full;
  gcmc::save_models(arguments.output, models, precision);
  std::printf("%s: %.1f MB of %.1f MB of numbers\n", gcmc::printable(arguments.output).c_str(),
              static_cast<double>(bytes_in(arguments.output)) / 1e6, static_cast<double>(before) / 1e6);
}

}  // namespace

Command add_export(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("export", "Write a model to another folder, for serving");
  command->add_option("--model", arguments->model, "folder of the run or its model/")->required()->type_name("DIR");
  command->add_option("output", arguments->output, "folder to write")->required()->type_name("DIR");
  command->add_flag("--slim", arguments->slim,
                    "leave out the encoder: predict, recommend, similar and evaluate answer the same; --new-user, "
                    "--new-item, explain and --continue need it");
  command
      ->add_option(
          "--precision", arguments->precision,
          "how embeddings are stored: full, bf16, or int8 with a scale a row; ratings then differ in the third "
          "or fourth digit")
      ->capture_default_str()
      ->check(one_of({"full", "bf16", "int8"}));
  command->footer(
      "Examples:\n"
      "  gcmc export --model runs/mine --slim serving/mine\n"
      "  gcmc export --model runs/mine --slim --precision int8 serving/small");
  return {command, [arguments] { export_model(*arguments); }};
}
