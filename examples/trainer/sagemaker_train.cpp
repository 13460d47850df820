// gcmc sagemaker train: a job as SageMaker lays it out becomes the command line of gcmc train.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "notes.hpp"
#include "sagemaker.hpp"
#include "sagemaker_folders.hpp"
#include "sagemaker_job.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sagemaker::Arguments, sagemaker::Parameters;
using sagemaker::base_folder;
using sagemaker::plain_text;
using sagemaker::search_names;

bool is_of_search(const std::string& name) {
  return std::find(search_names.begin(), search_names.end(), name) != search_names.end();
}

void append_options(Arguments& arguments, const Parameters& parameters, bool of_search) {
  for (const auto& [name, text] : parameters) {
    if (is_of_search(name) && (!of_search || name == "search")) continue;
    std::string option = "--" + name;
    std::replace(option.begin(), option.end(), '_', '-');
    arguments.push_back(option + "=" + text);
  }
}

/// "train_lr=0.003..0.03:log;gcn_dropout=0.3..0.8", or a JSON object of the same, in which values may be a list.
void append_searches(Arguments& arguments, const std::string& text) {
  const auto add = [&](const std::string& search) { arguments.insert(arguments.end(), {"--search", search}); };
  if (const json object = json::parse(text, nullptr, false); object.is_object()) {
    for (const auto& [name, values] : object.items()) {
      std::string choices;
      for (const json& value : values.is_array() ? values : json::array({values}))
        choices += (choices.empty() ? "" : ",") + plain_text(value);
      add(name + "=" + choices);
    }
    return;
  }
  std::istringstream searches(text);
  for (std::string search; std::getline(searches, search, ';');) add(search);
}

/// One job: its parameters and channels, and the commands that they become.
class Job {
 public:
  explicit Job(const RunProgram& run_program) : run_program_(run_program), parameters_(sagemaker::read_parameters()) {
    channels_ = sagemaker::read_channels();
    if (channels_.empty()) parameters_.try_emplace("data_name", "ml-1m");  // the seed example's
    parameters_.try_emplace("device", "auto");
    for (const char* name : search_names)
      gcmc::require(!parameters_.contains(name) || parameters_.contains("search"),
                    std::string("hyperparameter ") + name + " is of a search: give search too, or leave it out");
    const fs::path checkpoints = base_folder() / "checkpoints";
    std::error_code none;
    if (fs::is_directory(checkpoints, none)) checkpoints_ = checkpoints;
    fs::create_directories(figures_, none);  // what fails is told by the command
  }

  void run() {
    sagemaker::check_hosts();
    if (parameters_.contains("search")) search();
    const bool all_folds = number("folds") > 0 && number("fold") == 0;
    if (!all_folds) parameters_.try_emplace("test_predictions", "true");
    Arguments arguments = {"train"};
    if (parameters_.contains("search")) arguments.insert(arguments.end(), {"--config", winner().string()});
    append_data(arguments);
    arguments.insert(arguments.end(), {"--save-dir", figures_.string()});
    if (!all_folds) arguments.insert(arguments.end(), {"--model-dir", sagemaker::model_folder().string()});
    if (!all_folds && keeps_checkpoints())
      arguments.insert(arguments.end(), {"--checkpoint-dir", checkpoints_.string()});
    append_options(arguments, parameters_, false);
    run_command(arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) throw gcmc::Error("standard output cannot be written");
  }

 private:
  /// Of a parameter; 0 where it is not there, or no number, which the command tells.
  double number(const char* name) const {
    const auto found = parameters_.find(name);
    return found == parameters_.end() ? 0 : std::atof(found->second.c_str());
  }
  /// Not of a training that a time budget limits as a whole.
  bool keeps_checkpoints() const {
    const bool limited = number("time_budget") > 0;
    if (limited && !checkpoints_.empty())
      tell_note(
          "no checkpoints are kept: time_budget is for a training as a whole, and a job that is cut off begins anew");
    return !limited && !checkpoints_.empty() && !parameters_.contains("checkpoint_dir");
  }
  fs::path search_folder() const { return (checkpoints_.empty() ? figures_ : checkpoints_) / "search"; }
  fs::path winner() const { return search_folder() / "winner.json"; }

  /// Throws Error where it was stopped, as there is no winner then.
  void search() {
    Arguments arguments = {"tune"};
    append_searches(arguments, parameters_.at("search"));
    append_data(arguments);
    arguments.insert(arguments.end(), {"--save-dir", search_folder().string()});
    Parameters others = parameters_;
    others.erase("device");  // trials are trained on the processor
    others.erase("save_id");
    others.erase("test_predictions");
    append_options(arguments, others, true);
    run_command(arguments);
    std::error_code none;
    if (!checkpoints_.empty()) {
      const fs::path copy = figures_ / "search";
      fs::copy(search_folder(), copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing, none);
      fs::remove_all(copy / "running", none);  // the checkpoints of trials
    }
    if (!fs::exists(winner(), none))
      throw gcmc::Error(
          "the search was stopped before it had a winner, so that there is no model: the same job goes on " +
          std::string(checkpoints_.empty() ? "where checkpoints are kept" : "from its checkpoints"));
  }

  void append_data(Arguments& arguments) const {
    const Arguments data = sagemaker::data_arguments(channels_);
    arguments.insert(arguments.end(), data.begin(), data.end());
  }

  void run_command(const Arguments& arguments) const {
    std::string command = "gcmc";
    for (const std::string& argument : arguments) command += " " + quoted_for_shell(argument);
    tell_note(command);
    run_program_(arguments);
  }

  const RunProgram& run_program_;
  Parameters parameters_;
  sagemaker::Channels channels_;
  fs::path checkpoints_;  ///< empty: none
  const fs::path figures_ = sagemaker::folder("SM_OUTPUT_DATA_DIR", "output/data");
};

/// SIGTERM waits for the training or search that can end in order; process 1 would not hear of it.
void hold_back_termination() {
  sigset_t termination;
  sigemptyset(&termination);
  sigaddset(&termination, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &termination, nullptr);
}

/// Its first 1024 characters are shown to the user. A file that is there tells of the first failure.
void write_failure(const std::string& reason) {
  const fs::path path = base_folder() / "output/failure";
  std::error_code none;
  fs::create_directories(path.parent_path(), none);
  const std::string text = gcmc::printable(reason, 1000);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (::write(file, text.data(), text.size()) < 0) tell_note(path.string() + " could not be written");
  ::close(file);
}

}  // namespace

void sagemaker_train(const RunProgram& run_program) try {
  hold_back_termination();
  Job(run_program).run();
} catch (const std::bad_alloc&) {
  write_failure("out of memory: choose an instance type with more, or a smaller model (gcn_agg_units)");
  throw;
} catch (const std::exception& problem) {
  write_failure(problem.what());
  throw;
}
