// gcmc info: what a model folder holds.
#include <cstdio>
#include <memory>

#include "asking.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/options/option_names.hpp"

namespace {

/// Values are none: sizes are all there is to say.
bool nothing(const std::string&) { return false; }

void print_line(const std::string& name, const std::string& value) {
  std::printf("%-20s %s\n", gcmc::printable(name).c_str(), gcmc::printable(value, 200).c_str());
}

void info(const std::string& folder, bool json) {
  const std::vector<gcmc::SavedModel> models = gcmc::load_models(folder, nothing);
  const gcmc::SavedModel& model = models.front();
  gcmc::Options options = model.options;
  options.train.seeds = static_cast<gcmc::Index>(models.size());
  if (json) {
    std::fputs(gcmc::options_json(gcmc::option_values(options)).c_str(), stdout);
    return;
  }
  std::string levels;
  for (const double level : model.levels) levels += (levels.empty() ? "" : " ") + gcmc::level_name(level);
  print_line("data set", model.dataset);
  print_line("models", std::to_string(models.size()));
  print_line("users", std::to_string(model.user_ids.size()));
  print_line("items", std::to_string(model.item_ids.size()));
  print_line("levels", levels);
  for (const auto& [name, value] : model.split) print_line(name, value);
  if (models.size() > 1) std::printf("figures of each model, not of their mean (gcmc evaluate has those):\n");
  for (const auto& metric : model.metrics) {
    std::string values;
    for (const gcmc::SavedModel& one : models)
      if (const auto value = one.metrics.find(metric.first); value != one.metrics.end())
        values += (values.empty() ? "" : " ") + number(value->second);
    print_line(metric.first, values);
  }
  const gcmc::Options defaults;
  std::printf("options that are not the default:\n");
  for (const gcmc::OptionValue& value : gcmc::option_values(options))
    if (const std::string text = gcmc::option_text(options, value.name);
        text != gcmc::option_text(defaults, value.name))
      print_line("  " + value.name, text);
}

}  // namespace

Command add_info(CLI::App& app) {
  struct Arguments {
    std::string folder;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("info", "Say what a trained model is");
  command->add_option("model", arguments->folder, "folder of the run or its model/")->required()->type_name("DIR");
  command->add_flag(
      "--options", arguments->json,
      "print its options as JSON, which gcmc train --config reads beside --ratings (and features) of one's own");
  command->footer(
      "Example:\n"
      "  gcmc info runs/mine");
  return {command, [arguments] { info(arguments->folder, arguments->json); }};
}
