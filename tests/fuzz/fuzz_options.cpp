// A file of options, a file of what is searched, and a search's results: any bytes are read or refused.
#include "fuzz.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/ratings/generator.hpp"
#include "scratch_folder.hpp"

namespace gcmc {
namespace {

/// With a run that failed and one that did not.
TuneReport some_report() {
  TunePlan plan;
  plan.space = {parse_search("train_lr=0.003..0.03:log"), parse_search("gcn_agg_accum=stack,sum")};
  Ratings ratings = generate_ratings({.users = 30, .items = 20, .ratings = 200});
  ratings.test_begin = 200;
  TuneReport report = begin_report(plan, ratings, "cpu");
  report.result.runs = {{1, 1, 0, 0.9, 5, 0.5, {}}, {2, 1, 0, {}, 0, 0.5, "diverged"}};
  return report;
}

const TuneReport& report() {
  static const TuneReport some = some_report();
  return some;
}

/// Whether it was read.
template <class Read>
bool reads(const Read& read) {
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> seeds() {
  return {packed({options_json(option_values(Options())),
                  R"({"train_lr": "0.003..0.03:log", "gcn_agg_units": [250, 500], "ordinal": [true, false]})",
                  tune_json(report())})};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  const std::vector<std::string> files = unpacked(bytes, 3);
  for (std::size_t k = 0; k < files.size(); ++k) write_bytes(folder / std::to_string(k), files[k]);
  Options options;
  const auto set = [&](const std::string& name, const std::string& text) { set_option(options, name, text); };
  if (reads([&] { read_options_file(folder / "0", set); }) && reads([&] { validate(options); })) {
    Options again;
    for (const OptionValue& value : option_values(options)) set_option(again, value.name, value.value);
    expect(again == options, "options that read back to the same");
  }
  reads([&] { read_search_file(folder / "1"); });
  reads([&] { read_tune_runs(report(), folder / "2"); });
}

}  // namespace gcmc
