#include "data.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "command_line.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/data_report.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/train/folds.hpp"
#include "notes.hpp"
#include "progress.hpp"
#include "setup.hpp"

using gcmc::Offset;

namespace {

std::string bytes_text(Offset bytes) {
  const char* units[] = {"bytes", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit) value /= 1000;
  return gcmc::number_text(unit ? std::round(value * 10) / 10 : value) + " " + units[unit];
}

/// One # for `most` / 40, at least one for what is there.
std::string bar(Offset count, Offset most) {
  if (count == 0) return {};
  return std::string(static_cast<std::size_t>(std::max<Offset>(1, 40 * count / most)), '#');
}

void print_levels(const gcmc::RatingStatistics& s) {
  constexpr std::size_t most_shown = 60;
  if (s.levels.size() > most_shown) {
    std::printf("\n%zu rating values from %s to %s\n", s.levels.size(), gcmc::number_text(s.levels.front()).c_str(),
                gcmc::number_text(s.levels.back()).c_str());
    return;
  }
  std::printf("\n%12s  %13s\n", "Rating", "ratings");
  const Offset most = std::max<Offset>(1, *std::max_element(s.level_counts.begin(), s.level_counts.end()));
  for (std::size_t r = 0; r < s.levels.size(); ++r)
    std::printf("%12.6g  %13s  %5.1f %%  %s\n", s.levels[r], gcmc::count_text(s.level_counts[r]).c_str(),
                100 * static_cast<double>(s.level_counts[r]) / static_cast<double>(s.ratings),
                bar(s.level_counts[r], most).c_str());
}

void print_degrees(const gcmc::DegreeStatistics& degrees, const char* side, const char* sides) {
  std::printf("\nRatings of %s: %s to %s, median %.6g, mean %.1f\n", side, gcmc::count_text(degrees.least).c_str(),
              gcmc::count_text(degrees.most).c_str(), degrees.median, degrees.mean);
  std::printf("%15s  %10s\n", "ratings", sides);
  Offset most = 1;
  for (const auto& bin : degrees.bins) most = std::max(most, bin.nodes);
  for (const auto& bin : degrees.bins) {
    const std::string range = gcmc::count_text(bin.first) +
                              (bin.last > bin.first ? "-" + gcmc::count_text(std::min(bin.last, degrees.most)) : "");
    std::printf("%15s  %10s  %s\n", range.c_str(), gcmc::count_text(bin.nodes).c_str(), bar(bin.nodes, most).c_str());
  }
  if (degrees.single > 0)
    std::printf("%s have one rating alone, and none to learn from where that is tested\n",
                gcmc::count_text(degrees.single).c_str());
}

void print_statistics(const gcmc::DataSource& source, const gcmc::RatingStatistics& s, double seconds) {
  const gcmc::ReadReport& report = source.report;
  print_understood(report);
  std::printf("%s: %s users, %s items, %s ratings in %zu level%s\n", gcmc::printable(s.name).c_str(),
              gcmc::count_text(s.users).c_str(), gcmc::count_text(s.items).c_str(), gcmc::count_text(s.ratings).c_str(),
              s.levels.size(), s.levels.size() == 1 ? "" : "s");
  if (!report.place.empty())
    std::printf("%s, %s, read in %.2f s\n", gcmc::printable(report.place).c_str(), bytes_text(report.bytes).c_str(),
                seconds);
  std::printf("%.4g %% of all pairs are rated; mean %s, deviation %s\n", 100 * s.density, figure(s.mean).c_str(),
              figure(s.deviation).c_str());
  if (s.timed > 0)
    std::printf("%s to %s%s\n", gcmc::time_text(s.first_time).c_str(), gcmc::time_text(s.last_time).c_str(),
                s.timed < s.ratings ? (" (" + gcmc::count_text(s.ratings - s.timed) + " have no time)").c_str() : "");
  if (s.own_test >= 0) std::printf("Its own test part: %s ratings\n", gcmc::count_text(s.own_test).c_str());
  if (s.own_valid >= 0) std::printf("Its own validation part: %s ratings\n", gcmc::count_text(s.own_valid).c_str());
  if (s.user_features + s.item_features > 0)
    std::printf("Features: %s columns of users, %s of items\n", gcmc::count_text(s.user_features).c_str(),
                gcmc::count_text(s.item_features).c_str());
  print_levels(s);
  print_degrees(s.user, "a user", "users");
  print_degrees(s.item, "an item", "items");
}

/// By the ending of the name; "-" is a table on standard output.
bool is_binary(const std::string& path) { return path.ends_with(".gcmc"); }
bool is_table(const std::string& path) { return path == "-" || path.ends_with(".csv"); }

void write_ratings(const std::string& path, const gcmc::Ratings& ratings) {
  if (is_table(path)) return gcmc::write_rating_csv(path, ratings);
  gcmc::write_binary_ratings(path, ratings);
}

/// Asked before anything is read.
void require_form(const std::string& path) {
  gcmc::require(is_table(path) || is_binary(path),
                [&] { return path + ": its name ends neither in .csv (a table) nor in .gcmc (the binary form)"; });
}

void print_written(const std::string& path, const gcmc::Ratings& ratings) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path, none);
  if (path == "-" || none) return;
  std::printf("%s: %s ratings, %s\n", gcmc::printable(path).c_str(),
              gcmc::count_text(static_cast<Offset>(ratings.entries.size())).c_str(),
              bytes_text(static_cast<Offset>(bytes)).c_str());
}

void note_features(const gcmc::Ratings& ratings) {
  if (!ratings.user_features.empty() || !ratings.item_features.empty())
    tell_note("a table holds ratings alone: the features of " + ratings.name + " are left out");
}

constexpr std::array<const char*, 3> part_names = {"train", "valid", "test"};

std::string part_path(const std::string& folder, const char* name) { return folder + "/" + name + ".csv"; }

/// Is there a file that is, or lies under, another path?
bool is_within(const std::filesystem::path& file, const std::filesystem::path& other) {
  std::error_code none;
  for (std::filesystem::path path = std::filesystem::weakly_canonical(file, none);; path = path.parent_path()) {
    if (std::filesystem::equivalent(path, other, none)) return true;
    if (path == path.parent_path()) return false;
  }
}

/// Throws InputError where `path` would take the place of what is read, or be read with it the next time.
void refuse_input(const std::string& path, const ProgramOptions& read) {
  const gcmc::ReadOptions& files = read.reading;
  for (const std::string& input : {read.ratings, files.test_ratings, files.valid_ratings, files.user_features,
                                   files.item_features, files.user_graph, files.item_graph})
    gcmc::require(input.empty() || !is_within(path, input),
                  [&] { return path + ": is, or lies in, what is read: choose another place"; });
}

/// Throws InputError for a file at `path` that does not begin as write_rating_csv() begins.
void refuse_foreign(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  gcmc::require(!file || (std::getline(file, line) && (line == "user,item,rating" || line == "user,item,rating,time")),
                [&] { return path + ": is there, and is no part that gcmc wrote: move it away"; });
}

/// Throws InputError where there is a fold that this split does not have, and that would be taken for one of it.
void refuse_fold(const std::string& path) {
  std::error_code none;
  gcmc::require(!std::filesystem::exists(path, none),
                [&] { return path + ": is there, and this split has no such fold: move it away"; });
}

/// Looks at the parts of an older split, and takes them away: should the new one be interrupted, no part is of another.
void clear_parts(const std::vector<std::string>& folders, const ProgramOptions& read) {
  std::vector<std::string> paths;
  for (const std::string& folder : folders)
    for (const char* name : part_names) paths.push_back(part_path(folder, name));
  for (const std::string& path : paths) {
    refuse_input(path, read);
    refuse_foreign(path);
  }
  std::error_code none;
  for (const std::string& path : paths) std::filesystem::remove(path, none);
}

void write_parts(const std::string& folder, const gcmc::Ratings& ratings, const gcmc::Options& options) {
  const gcmc::SplitPositions positions(ratings, gcmc::split_options(options));
  const std::array<Offset, 4> bounds = {0, positions.train, positions.test_begin,
                                        static_cast<Offset>(positions.order.size())};
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  gcmc::require(!problem, [&] { return folder + ": cannot be made: " + problem.message(); });
  std::string command = "gcmc train";
  for (std::size_t k = 0; k < part_names.size(); ++k) {
    const std::string path = part_path(folder, part_names[k]);
    if (bounds[k] == bounds[k + 1]) {
      command += std::string(" --data-") + part_names[k] + "-ratio 0";
      if (k == 1) command += " --train-selection last --train-schedule constant";  // nothing chooses otherwise
      continue;
    }
    command += (k == 0 ? " " : std::string(" --") + part_names[k] + "-ratings ") + quoted_for_shell(path);
    const std::vector<Offset> part(positions.order.begin() + bounds[k], positions.order.begin() + bounds[k + 1]);
    gcmc::write_rating_csv(path, ratings, &part);
    std::printf("%s: %s ratings\n", gcmc::printable(path).c_str(), gcmc::count_text(bounds[k + 1] - bounds[k]).c_str());
  }
  std::printf("%s\n", gcmc::printable(command).c_str());
}

/// What the arguments name, with all its times.
Settings settings_for(const CLI::App& command, const TrainArguments& arguments, const std::string& source) {
  Settings settings = resolve(command, arguments);
  settings.program.reading.times = gcmc::Times::kept;
  if (is_path(source)) {
    gcmc::require(command.count("--data-dir") == 0,
                  "--data-dir looks for a data set in a folder: leave it out where the ratings have a path");
    settings.program.ratings = source;
  } else {
    settings.options.run.data_name = source;
    settings.data_named = true;
  }
  return settings;
}

constexpr const char* source_help =
    "table of ratings in a file, a folder or zip of a data set, - for standard input, or a data set's name";

class DataCommands {
 public:
  /// Adds the command and those within it.
  explicit DataCommands(CLI::App& app);

  CLI::App* command() const { return command_; }
  /// Does what the parsed arguments ask for.
  void run() const;

 private:
  void inspect() const;
  void convert() const;
  void split() const;
  void generate() const;
  CLI::App* add(const char* name, const char* description, TrainArguments* reading = nullptr, bool with_split = false);

  CLI::App *command_, *inspect_, *convert_, *split_, *generate_;
  TrainArguments inspect_reading_, convert_reading_, split_reading_;
  std::string source_, output_, svg_;
  bool json_ = false;
  std::vector<std::string> generated_;  ///< [a name,] an output
  gcmc::Index users_ = 0, items_ = 0;
  gcmc::Offset ratings_ = 0;
  std::uint64_t seed_ = 0;
};

CLI::App* DataCommands::add(const char* name, const char* description, TrainArguments* reading, bool with_split) {
  CLI::App* command = command_->add_subcommand(name, description)->group("Commands");
  if (!reading) return command;
  command->add_option("data", source_, source_help)->required()->type_name("PATH|NAME");
  add_reading_options(*command, *reading, with_split);
  return command;
}

DataCommands::DataCommands(CLI::App& app)
    : command_(app.add_subcommand("data", "Inspect, convert, split or generate ratings")) {
  command_->require_subcommand(1);
  command_->footer(
      "Examples:\n"
      "  gcmc data inspect reviews.csv\n"
      "  gcmc data convert reviews.csv reviews.gcmc\n\n"
      "gcmc help data COMMAND lists the options of each.");
  inspect_ = add("inspect", "Show what a set of ratings holds, and what was understood of its file", &inspect_reading_);
  inspect_->add_flag("--json", json_, "print JSON");
  inspect_->add_option("--svg", svg_, "picture to write; - for standard output")->type_name("FILE");
  inspect_->footer(
      "Examples:\n"
      "  gcmc data inspect reviews.csv --svg reviews.svg\n"
      "  gcmc data inspect ml-100k --json");
  convert_ = add("convert", "Write ratings as a table, or in a binary form that is read in no time", &convert_reading_);
  convert_->add_option("output", output_, "OUT.gcmc, OUT.csv, or - for a table on standard output")
      ->required()
      ->type_name("OUT");
  convert_->footer(
      "OUT.gcmc is read wherever ratings are, and trained on to the same bits as what it was made of. It\n"
      "keeps times, the set's own test and validation parts, and the features of MovieLens' own files.\n\n"
      "Examples:\n"
      "  gcmc data convert ratings.csv --not-rated 0 ratings.gcmc\n"
      "  gcmc train ratings.gcmc --save-dir runs/mine");
  split_ = add("split", "Write the parts of a split: train.csv, valid.csv and test.csv", &split_reading_, true);
  split_->add_option("output", output_, "folder; with --folds it gets a sub-folder fold-N for each")
      ->required()
      ->type_name("OUT_DIR");
  split_->footer(
      "gcmc train OUT_DIR/train.csv --valid-ratings OUT_DIR/valid.csv --test-ratings OUT_DIR/test.csv\n"
      "trains on the same split as the same options of gcmc train.\n\n"
      "Examples:\n"
      "  gcmc data split ratings.csv --split leave-1-out parts\n"
      "  gcmc data split ratings.csv --folds 5 parts");
  generate_ = add("generate", "Make up ratings that are shaped like MovieLens'");
  generate_->add_option("output", generated_, "[NAME] OUT: synthetic-100k, -1m, -10m or -25m, and OUT.csv or OUT.gcmc")
      ->required()
      ->expected(1, 2)
      ->type_name("");
  generate_->add_option("--users", users_, "users; default: NAME's, or 943");
  generate_->add_option("--items", items_, "items; default: NAME's, or 1682");
  generate_->add_option("--ratings", ratings_, "at least users + items, at most users * items / 2");
  generate_->add_option("--seed", seed_, "other ratings of the same shape; default: 7")->check(whole_number());
  generate_->footer(
      "Examples:\n"
      "  gcmc data generate synthetic-1m million.csv\n"
      "  gcmc data generate --users 1000 --items 500 --ratings 20000 --seed 1 small.gcmc");
}

void DataCommands::inspect() const {
  gcmc::require(!json_ || svg_ != "-", "--svg - and --json would both be standard output: give the picture a file");
  const auto start = std::chrono::steady_clock::now();
  const Settings settings = settings_for(*inspect_, inspect_reading_, source_);
  const gcmc::DataSource source = read_data(settings);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const gcmc::RatingStatistics statistics = gcmc::statistics_of(source.ratings);
  if (!svg_.empty()) gcmc::write_output(svg_, gcmc::data_svg(statistics));
  if (json_) {
    std::fputs(gcmc::data_json(statistics, source.report).c_str(), stdout);
  } else if (svg_ != "-") {
    print_statistics(source, statistics, seconds);
    tell_notes(stdout, "note: ", source, settings.program.reading);
  }
}

void DataCommands::convert() const {
  require_form(output_);
  const Settings settings = settings_for(*convert_, convert_reading_, source_);
  refuse_input(output_, settings.program);
  const gcmc::Ratings ratings = load(settings).ratings;
  write_ratings(output_, ratings);
  print_written(output_, ratings);
  if (is_binary(output_)) return;
  if (ratings.has_fixed_test())
    tell_note(ratings.name + " has a test part of its own, which a table does not tell apart: gcmc data split does");
  note_features(ratings);
}

void DataCommands::split() const {
  const Settings settings = settings_for(*split_, split_reading_, source_);
  const gcmc::DataSource source = load(settings);
  note_features(source.ratings);
  if (settings.options.run.folds == 0) {
    clear_parts({output_}, settings.program);
    return write_parts(output_, source.ratings, settings.options);
  }
  const auto folder = [&](gcmc::Index fold) { return output_ + "/fold-" + std::to_string(fold); };
  const std::vector<gcmc::Options> all = folds_of(source, settings.options);
  const auto count = static_cast<gcmc::Index>(all.size()), only = settings.options.run.fold;
  if (only == 0) refuse_fold(folder(count + 1));
  std::vector<std::string> folders;
  for (gcmc::Index fold = 1; fold <= count; ++fold)
    if (only == 0 || only == fold) folders.push_back(folder(fold));
  clear_parts(folders, settings.program);
  for (std::size_t k = 0; k < folders.size(); ++k) {
    const gcmc::Options& options = all[only == 0 ? k : static_cast<std::size_t>(only) - 1];
    const bool own = options.run.folds == 0;
    write_parts(folders[k], own ? read_data(settings.with(options)).ratings : source.ratings, options);
  }
}

void DataCommands::generate() const {
  gcmc::GeneratorOptions options;
  if (generated_.size() == 2) options = gcmc::synthetic_shape(generated_.front());
  const auto take = [&](const char* option, auto& of_shape, auto value) {
    if (generate_->count(option) == 0) return;
    of_shape = value;
    options.name = "synthetic";  // and none of the sets that are the same everywhere
  };
  take("--users", options.users, users_);
  take("--items", options.items, items_);
  take("--ratings", options.ratings, ratings_);
  take("--seed", options.seed, seed_);
  require_form(generated_.back());
  const gcmc::Ratings ratings = gcmc::generate_ratings(options);
  write_ratings(generated_.back(), ratings);
  print_written(generated_.back(), ratings);
}

void DataCommands::run() const {
  if (*inspect_) inspect();
  if (*convert_) convert();
  if (*split_) split();
  if (*generate_) generate();
}

}  // namespace

Command add_data(CLI::App& app) {
  const auto data = std::make_shared<DataCommands>(app);
  return {data->command(), [data] { data->run(); }};
}
