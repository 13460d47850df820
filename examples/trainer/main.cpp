// gcmc: trains, tunes and asks models on the command line. All work is the library's.
// Exit codes: 0 done, 1 a fault of the program or the machine, 2 wrong input.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "asking.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "data.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/options/option_names.hpp"
#include "help.hpp"
#include "sagemaker.hpp"

namespace {

constexpr int wrong_input = 2, internal_fault = 1;

int fail(const std::string& message, int code) {
  std::fprintf(stderr, "gcmc: %s\n", gcmc::printable(message, 2000).c_str());
  return code;
}

CLI::App* add_tune(CLI::App& app, TuneArguments& arguments, TrainArguments& base) {
  CLI::App* command = app.add_subcommand("tune", "Search for options by validation RMSE");
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command->add_option(name, value, help)->group("Search");
  };
  add("--search", arguments.searches, "an option and its values, below; once for each option that is searched")
      ->type_name("NAME=VALUES")
      ->allow_extra_args(false);
  add("--search-file", arguments.search_file, "JSON file of searches: {\"train_lr\": \"0.003..0.03:log\", ...}")
      ->type_name("FILE");
  add("--trials", arguments.trials, "configurations that are tried")->capture_default_str();
  add("--eta", arguments.eta, "one of so many goes on to the next rung, with so many times the iterations")
      ->capture_default_str();
  add("--rungs", arguments.rungs, "at most; 1: all trials with all iterations")->capture_default_str();
  add("--tune-seed", arguments.seed, "draws the trials")->capture_default_str()->check(whole_number());
  add_train_options(*command, base, true);
  for (const char* name :
       {"--folds", "--fold", "--time-budget", "--resume", "--checkpoint-dir", "--continue", "--device"})
    command->get_option(name)->group("");  // known, to say why a search has none of it, and not offered
  command->get_option("--save-dir")->description("folder for the results, which a search needs")->default_str("");
  command->footer(
      "VALUES: a list, 250,500,1000; a range, 0.3..0.8; a range drawn by its logarithm, 0.003..0.03:log.\n"
      "All trials are trained for a few iterations, the best of them anew for more, up to\n"
      "--train-max-iter. Other options are those of gcmc train, and hold for every trial; with --seeds each\n"
      "is trained so many times. --threads trainings run side by side. Test ratings are not looked at.\n"
      "Written to --save-dir: results.csv, results.json, results.svg and winner.json. The same command\n"
      "again goes on where a stopped one ended.\n\n"
      "Examples:\n"
      "  gcmc tune --data-name ml-100k --save-dir runs/tune --train-max-iter 500 \\\n"
      "      --search train_lr=0.003..0.03:log --search gcn_dropout=0.3..0.8 \\\n"
      "      --search gcn_agg_accum=stack,sum\n"
      "  gcmc train --config runs/tune/winner.json --save-dir runs/winner");
  return command;
}

CLI::App* add_train(CLI::App& app, TrainArguments& arguments) {
  CLI::App* command = app.add_subcommand("train", "Train a model and report its test error");
  add_train_options(*command, arguments);
  command->footer(
      "RATINGS: a table, a data set's folder or zip, or -, standard input; --data-name takes a set by name.\n"
      "Options start from the preset; then the --config file, then the command line are applied. A name\n"
      "may have _ for -. Ctrl-C, SIGTERM, SIGHUP or a closed pipe ends training within seconds: what there\n"
      "is then is tested and saved. A second Ctrl-C ends at once. With --resume or --checkpoint-dir the\n"
      "same command goes on after any cut, to the same results.\n\n"
      "Examples:\n"
      "  gcmc train --data-name ml-100k --gcn-agg-accum stack --save-dir runs/stack\n"
      "  gcmc train ratings.csv --preset auto --save-dir runs/mine\n"
      "  gcmc train --config runs/mine/config.json --seed 7 --save-dir runs/seven\n"
      "  gcmc train --data-name ml-10m --save-dir runs/long --resume\n"
      "  gcmc train --continue runs/mine --ratings today.csv --save-dir runs/today");
  return command;
}

void run_program(std::vector<std::string> arguments);

/// The commands and what each was told.
struct Program {
  CLI::App app{"Graph Convolutional Matrix Completion: predicts the ratings that users would give to items", "gcmc"};
  TrainArguments train, base;
  TuneArguments tune;
  CLI::App *train_command, *tune_command;
  std::vector<Command> others;

  Program() {
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_version_flag("--version", "gcmc " GCMC_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  gcmc train --data-name ml-100k --preset auto --save-dir runs/first\n"
        "  gcmc predict --model runs/first pairs.csv\n"
        "  gcmc recommend --model runs/first --user 7\n\n"
        "gcmc help COMMAND lists the options of a command.");
    train_command = add_train(app, train);
    tune_command = add_tune(app, tune, base);
    for (const auto add : {add_predict, add_recommend, add_similar, add_explain, add_evaluate, add_info, add_export,
                           add_data, add_serve})
      others.push_back(add(app));
    others.push_back(add_sagemaker(app, run_program));
    for (const auto add : {add_completion, add_manual}) others.push_back(add(app));
    for (CLI::App* command : app.get_subcommands({})) command->group("Commands");
  }

  /// Does what the parsed arguments ask for.
  void run() {
    if (*train_command) {
      refuse_extras(*train_command);
      run_train([&](const gcmc::Ratings* ratings) { return resolve(*train_command, train, ratings); });
    }
    if (*tune_command) {
      refuse_extras(*tune_command);
      tune.given = given_options(*tune_command, base);
      run_tune([&](const gcmc::Ratings* ratings) { return resolve(*tune_command, base, ratings); }, tune);
    }
    for (const Command& command : others)
      if (*command.options) command.run();
  }
};

/// Standard streams that the caller closed must not become the numbers of other files: reading or writing them fails as
/// before. Was standard output closed?
bool reserve_standard_streams() {
  const bool closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0) open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  return closed;
}

/// Does what uniform arguments, at least one, ask for. Throws what the command throws.
void run_program(std::vector<std::string> arguments) {
  Program program;
  const std::string command = check_names(program.app, arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes the last one first
  try {
    program.app.parse(arguments);
    program.run();
  } catch (const CLI::CallForHelp&) {
    std::fputs(program.app.help().c_str(), stdout);
  } catch (const CLI::CallForVersion&) {
    std::puts(program.app.version().c_str());
  } catch (const CLI::ParseError& error) {
    throw gcmc::InputError(std::string(error.what()) + " (" + command + " --help says more)");
  }
}

int run(int count, char** values) {
  const bool output_is_unwanted = reserve_standard_streams();
  const std::vector<std::string> arguments = uniform_arguments(count, values);
  if (arguments.empty()) {
    std::fputs(short_help(Program().app).c_str(), stderr);
    return wrong_input;
  }
  run_program(arguments);
  const std::string& name = arguments.front();
  if (output_is_unwanted && (name == "train" || name == "tune" || name == "sagemaker"))
    return 0;  // what counts is saved
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail("standard output cannot be written", internal_fault);
  return 0;
}

}  // namespace

int main(int count, char** values) {
  try {
    return run(count, values);
  } catch (const gcmc::InputError& error) {
    return fail(error.what(), wrong_input);
  } catch (const gcmc::Error& error) {
    return fail(error.what(), internal_fault);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", internal_fault);
  } catch (const std::exception& error) {
    return fail(std::string("internal error: ") + error.what(), internal_fault);
  }
}
