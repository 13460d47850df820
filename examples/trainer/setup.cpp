#include "setup.hpp"

#include <unistd.h>

#include <cstdio>
#include <system_error>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/options/presets.hpp"
#include "progress.hpp"

using gcmc::Offset, gcmc::Options;

namespace {

/// What the preset auto chose, a line for each reason, without what the user chose otherwise.
void print_choices(const gcmc::Ratings& ratings, const Options& options) {
  std::string line, reason;
  const auto print = [&] {
    if (!line.empty()) std::printf("auto:%s (%s)\n", line.c_str(), reason.c_str());
    line.clear();
  };
  for (const gcmc::Choice& choice : gcmc::auto_choices(ratings)) {
    if (gcmc::option_text(options, choice.option) != choice.value) continue;
    if (choice.reason != reason) print();
    reason = choice.reason;
    line += " " + choice.option + "=" + choice.value;
  }
  print();
}

}  // namespace

void make_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  gcmc::require(!problem && access(folder.c_str(), W_OK) == 0, [&] {
    return "save_dir " + folder.string() +
           " cannot be written: " + (problem ? problem.message() : std::string("it is not writable for this user"));
  });
}

std::string make_save_folder(const ProgramOptions& program) {
  gcmc::require(!program.save_dir.empty() || program.save_id.empty(),
                "save_id names a sub-folder of save_dir: give save_dir");
  if (program.save_dir.empty()) return {};
  std::filesystem::path folder = program.save_dir;
  if (!program.save_id.empty()) folder /= program.save_id;
  make_folder(folder);
  return folder.string();
}

gcmc::Ratings load(const Settings& settings) {
  const gcmc::RunOptions& run = settings.options.run;
  const bool terminal = is_terminal(STDERR_FILENO);
  bool downloading = false;
  const auto show = [&](Offset received, Offset total) {
    if (terminal) {
      std::fprintf(stderr, "\r\x1b[Kdownloading %s: %.1f MB", run.data_name.c_str(),
                   static_cast<double>(received) / 1e6);
      if (total > 0) std::fprintf(stderr, " of %.1f MB", static_cast<double>(total) / 1e6);
    } else if (!downloading) {
      std::fprintf(stderr, "downloading %s\n", run.data_name.c_str());
    }
    downloading = true;
  };
  gcmc::DataSource source =
      gcmc::load_data(run.data_name, settings.program.data_dir, run.split, show, !settings.data_named);
  if (downloading && terminal) std::fputc('\n', stderr);
  if (!source.note.empty()) std::fprintf(stderr, "gcmc: note: %s\n", gcmc::printable(source.note).c_str());
  return std::move(source.ratings);
}

void print_data(const gcmc::Ratings& ratings, const Options& options) {
  std::printf("%s: %d users, %d items, %zu ratings in %zu levels\n", gcmc::printable(ratings.name).c_str(),
              ratings.users(), ratings.items(), ratings.entries.size(), ratings.levels.size());
  if (options.preset == "auto") print_choices(ratings, options);
  std::fflush(stdout);
}
