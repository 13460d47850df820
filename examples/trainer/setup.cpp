#include "setup.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <system_error>
#include <utility>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/train/folds.hpp"
#include "notes.hpp"
#include "progress.hpp"

using gcmc::Offset, gcmc::Options;

namespace {

/// What the preset auto chose, a line for each reason, without what the user chose otherwise.
void print_choices(const gcmc::Ratings& ratings, const Options& options) {
  std::string line, reason;
  const auto print = [&] {
    if (!line.empty()) std::printf("%s:%s (%s)\n", options.preset.c_str(), line.c_str(), reason.c_str());
    line.clear();
  };
  for (const gcmc::Choice& choice : gcmc::preset_choices(options.preset, ratings, options.train.time_budget)) {
    if (gcmc::option_text(options, choice.option) != choice.value) continue;
    if (choice.reason != reason) print();
    reason = choice.reason;
    line += " " + choice.option + "=" + choice.value;
  }
  print();
}

/// Throws gcmc::Error if it cannot be written to.
void make_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  gcmc::require(!problem && access(folder.c_str(), W_OK) == 0, [&] {
    return "save_dir " + folder.string() +
           " cannot be written: " + (problem ? problem.message() : std::string("it is not writable for this user"));
  });
}

/// Shows a download on standard error: on a terminal one line that is rewritten, elsewhere a line when it begins.
class DownloadPrinter {
 public:
  explicit DownloadPrinter(std::string name) : name_(std::move(name)) {}

  void operator()(const gcmc::DownloadProgress& progress) {
    if (progress.waiting) return tell_once(waiting_, "gcmc: waiting for another process that downloads %s\n");
    if (!terminal_) return tell_once(downloading_, "downloading %s\n");
    downloading_ = true;
    std::fprintf(stderr, "\r\x1b[Kdownloading %s: %.1f MB", name_.c_str(), megabytes(progress.received));
    if (progress.total > 0) std::fprintf(stderr, " of %.1f MB", megabytes(progress.total));
  }
  void finish() const {
    if (downloading_ && terminal_) std::fputc('\n', stderr);
  }

 private:
  void tell_once(bool& told, const char* format) const {
    if (!std::exchange(told, true)) std::fprintf(stderr, format, name_.c_str());
  }
  static double megabytes(Offset bytes) { return static_cast<double>(bytes) / 1e6; }

  const std::string name_;
  const bool terminal_ = is_terminal(STDERR_FILENO);
  bool waiting_ = false, downloading_ = false;
};

/// The set by its name: found or downloaded.
gcmc::DataSource load_by_name(const Settings& settings) {
  const gcmc::RunOptions& run = settings.options.run;
  const ProgramOptions& program = settings.program;
  DownloadPrinter printer(run.data_name);
  gcmc::DataSource source =
      gcmc::load_data({.name = settings.data_named || program.data_dir.empty() ? run.data_name : "",
                       .data_dir = program.data_dir,
                       .split = run.split,
                       .reading = program.reading,
                       .data_url = program.data_url,
                       .may_stand_in = !settings.data_named,
                       .progress = std::ref(printer)});
  printer.finish();
  return source;
}

/// The set by its path.
gcmc::DataSource load_path(const std::string& path, const Settings& settings) {
  const gcmc::RunOptions& run = settings.options.run;
  const std::string name = settings.data_named ? run.data_name : "";
  gcmc::DataSource source;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) || gcmc::is_archive(path)) {
    source.ratings = gcmc::read_ratings(path, name, run.split, settings.program.reading, &source.report);
  } else {
    gcmc::require(run.split.empty() || gcmc::is_split_rule(run.split),
                  [&] { return "split " + run.split + " belongs to ml-100k's own files: use random"; });
    source.ratings = gcmc::read_rating_file(path, name, settings.program.reading, &source.report);
  }
  return source;
}

std::string size_and_place(const RecordedData& data) {
  return std::to_string(data.bytes) + " bytes" + (data.place.empty() ? "" : " in " + data.place);
}

/// No path leads to the ratings.
bool is_by_name(const ProgramOptions& program) { return program.ratings.empty() && program.data_dir.empty(); }

/// On standard error.
void print_columns(const gcmc::ReadReport& report) {
  constexpr std::size_t most = 40;
  if (report.columns.empty()) return;
  std::printf("Columns understood (%s separator %s%s):\n", report.header ? "header," : "no header,",
              report.separator.c_str(), report.decimal_comma ? ", decimal comma" : "");
  std::size_t width = 0;
  for (const gcmc::ReadReport::Column& column : report.columns)
    width = std::max(width, gcmc::printable(column.name, most).size());
  for (const gcmc::ReadReport::Column& column : report.columns)
    std::printf("  %-6s  %-*s  %s\n", column.role.c_str(), static_cast<int>(width),
                gcmc::printable(column.name, most).c_str(), gcmc::printable(column.example, most).c_str());
}

/// What became of each column of a file of features, and how many edges a graph has.
void print_side_files(const gcmc::ReadReport& report) {
  constexpr std::size_t most = 40;
  for (const gcmc::ReadReport::SideFile& file : report.side_files) {
    std::printf("%s of %ss understood (%s, %s):\n", file.columns.front().kind == "source" ? "Edges" : "Features",
                file.side.c_str(), gcmc::printable(file.path).c_str(), file.form.c_str());
    std::size_t width = 0;
    for (const auto& column : file.columns) width = std::max(width, gcmc::printable(column.name, most).size());
    for (const auto& column : file.columns) {
      std::string made =
          column.made > 0 ? std::to_string(column.made) + (column.made > 1 ? " columns" : " column") : "";
      if (!column.remark.empty()) made += (made.empty() ? "" : ", ") + column.remark;
      std::printf("  %-8s  %-*s  %s\n", column.kind.c_str(), static_cast<int>(width),
                  gcmc::printable(column.name, most).c_str(), made.c_str());
    }
  }
}

}  // namespace

void print_understood(const gcmc::ReadReport& report) {
  print_columns(report);
  print_side_files(report);
}

void tell_notes(std::FILE* to, const char* opening, const gcmc::DataSource& source, const gcmc::ReadOptions& reading) {
  const gcmc::ReadReport& report = source.report;
  const auto tell = [&](const std::string& note) {
    std::fprintf(to, "%s%s\n", opening, gcmc::printable(note).c_str());
  };
  const auto count = [&](Offset number, const std::string& what) {
    if (number > 0) tell(std::to_string(number) + what);
  };
  if (!source.note.empty()) tell(source.note);
  count(report.bad_lines, " lines are wrong and passed over:");
  for (const std::string& line : report.first_bad_lines) std::fprintf(to, "  %s\n", gcmc::printable(line).c_str());
  if (report.bad_lines > static_cast<Offset>(report.first_bad_lines.size())) std::fprintf(to, "  ...\n");
  count(report.not_rated, " ratings are " + reading.not_rated + ", not rated, and left out");
  count(report.duplicates, " ratings are of pairs that are rated already: of each pair one counts (--duplicates)");
  count(report.held_out, " ratings are left out of training, since the test or validation file has their pairs");
  count(report.trimmed_ids, " ids have blanks around them, which are dropped");
  count(report.latin1_ids, " ids are in latin-1, and made UTF-8");
  for (const std::string& note : report.notes) tell(note);
}

SaveFolder::SaveFolder(const ProgramOptions& program) {
  gcmc::require(!program.save_dir.empty() || program.save_id.empty(),
                "save_id names a sub-folder of save_dir: give save_dir");
  if (program.save_dir.empty()) return;
  std::filesystem::path folder = program.save_dir;
  if (!program.save_id.empty()) folder /= program.save_id;
  path_ = folder.string();
  std::error_code none;
  for (; !folder.empty() && !std::filesystem::exists(folder, none); folder = folder.parent_path())
    made_.push_back(folder);
  make_folder(path_);
}

SaveFolder::~SaveFolder() {
  std::error_code none;
  for (const std::filesystem::path& folder : made_) std::filesystem::remove(folder, none);
}

namespace {

/// Where the times that are to split the ratings tell none from another.
void note_one_time(gcmc::DataSource& source) {
  const std::vector<double>& times = source.ratings.times;
  if (times.size() < 2 || !std::equal(times.begin() + 1, times.end(), times.begin())) return;
  source.report.notes.push_back("all ratings have the same time: they are split by the order of their lines");
}

}  // namespace

gcmc::DataSource read_data(Settings settings) {
  gcmc::RunOptions& run = settings.options.run;
  ProgramOptions& program = settings.program;
  gcmc::require(
      !program.reading.has_own_parts() || (run.folds == 0 && gcmc::split_rule(run.split) == gcmc::SplitRule::random),
      [&] {
        return std::string(program.reading.test_ratings.empty() ? "--valid-ratings" : "--test-ratings") + " and --" +
               (run.folds > 0 ? "folds" : "split " + run.split) + " both say what is held out: leave out one of them";
      });
  const bool set_decides = run.split.empty();
  if (run.folds > 0) run.split = "random";
  program.reading.times = std::max(program.reading.times, gcmc::times_for(run.split));
  program.reading.threads = run.threads;
  std::error_code ignored;
  const std::string& recorded = settings.recorded.place;
  if (is_by_name(program) && std::filesystem::exists(recorded, ignored)) program.data_dir = recorded;
  const std::string& folder = program.data_dir;
  const bool is_file =
      !folder.empty() && std::filesystem::is_regular_file(folder, ignored) && !gcmc::is_archive(folder);
  const std::string path = is_file ? folder : program.ratings;
  gcmc::DataSource source = path.empty() ? load_by_name(settings) : load_path(path, settings);
  const gcmc::Ratings& ratings = source.ratings;
  const bool ruled = run.folds > 0 || gcmc::split_rule(run.split) != gcmc::SplitRule::random;
  gcmc::require(!ruled || !ratings.has_fixed_test(), [&] {
    return "--" + (run.folds > 0 ? "folds" : "split " + run.split) + ": " + ratings.name +
           " has a test part of its own, which is what is tested";
  });
  if (run.folds == 0 && gcmc::split_rule(run.split) != gcmc::SplitRule::random) note_one_time(source);
  gcmc::require(run.fold == 0 || !set_decides || run.folds != source.report.ready_folds,
                [&] { return ratings.name + " has these folds: give --split u" + std::to_string(run.fold); });
  return source;
}

std::vector<Options> folds_of(const gcmc::DataSource& source, const Options& options) {
  const bool ready = options.run.split.empty() && options.run.folds == source.report.ready_folds;
  std::vector<Options> folds;
  for (gcmc::Index fold = 1; fold <= options.run.folds; ++fold)
    folds.push_back(gcmc::fold_options(options, fold, ready));
  return folds;
}

gcmc::DataSource load(const Settings& settings) {
  const std::string& recorded = settings.recorded.place;
  std::error_code ignored;
  if (is_by_name(settings.program) && !recorded.empty() && !std::filesystem::exists(recorded, ignored))
    tell_note("the ratings of the run that is repeated were in " + recorded + ", and are looked for by their name");
  gcmc::DataSource source = read_data(settings);
  tell_notes(stderr, opening_of_notes, source, settings.program.reading);
  return source;
}

RecordedData record(const gcmc::DataSource& source, const Settings& settings) {
  RecordedData now(source);
  const RecordedData& then = settings.recorded;
  if (!then.checksum.empty() && then.checksum != now.checksum)
    tell_note("these are other ratings than those of the run that is repeated: " + size_and_place(then) + " then, " +
              size_and_place(now) + " now");
  return now;
}

void print_data(const gcmc::DataSource& source, const Options& options) {
  const gcmc::Ratings& ratings = source.ratings;
  print_understood(source.report);
  std::printf("%s: %d users, %d items, %zu ratings in %zu level%s", gcmc::printable(ratings.name).c_str(),
              ratings.users(), ratings.items(), ratings.entries.size(), ratings.levels.size(),
              ratings.levels.size() == 1 ? "" : "s");
  const std::string place = gcmc::printable(source.report.place);
  std::printf(place.empty() ? "\n" : ", from %s\n", place.c_str());
  if (gcmc::looks_at_ratings(options.preset)) print_choices(ratings, options);
  std::fflush(stdout);
}
