// What the commands that ask a trained model have in common: the model, ids, numbers, output.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/model/answer_text.hpp"

/// A command of the program: what it is told, and what it then does.
struct Command {
  CLI::App* options = nullptr;
  std::function<void()> run;
};

/// One of some words, which a shell completes: its name is the words.
CLI::Validator one_of(const std::vector<std::string>& words);

Command add_predict(CLI::App& app);
Command add_recommend(CLI::App& app);
Command add_similar(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_info(CLI::App& app);
Command add_export(CLI::App& app);
Command add_completion(CLI::App& app);
Command add_manual(CLI::App& app);
Command add_serve(CLI::App& app);

/// What all of them are told.
struct Asking {
  std::string model, output;  ///< output empty: standard output
  std::string format = "csv";
  int threads = 0;

  bool json() const { return format == "json"; }
};

/// --model, --output, --format and --threads.
void add_asking(CLI::App& command, Asking& asking);
/// --threads, in the range of the option of gcmc train.
void add_threads(CLI::App& command, int& threads);

/// The model or models in a folder; with the encoder, which folding in needs, or without. With `raters`, ids of users,
/// the ratings of these alone.
enum class Parts { answers, all };
gcmc::Predictor load_predictor(const Asking& asking, Parts parts = Parts::answers,
                               const std::optional<std::vector<std::string>>& raters = {});

/// The number of an id. Throws gcmc::InputError, with an id that is there, if the model does not know it.
gcmc::Index find_user(const gcmc::Predictor& predictor, const std::string& id);
gcmc::Index find_item(const gcmc::Predictor& predictor, const std::string& id);

std::string number(double value, int decimals = 6);

/// Rows under a header, as CSV (RFC 4180) or as JSON: a list of objects, one a row. Ids are text; on a terminal, an id
/// of a stranger gives no orders.
class Answer {
 public:
  Answer(const Asking& asking, std::vector<std::string> columns);

  Answer& text(const std::string& value);
  Answer& number(double value, int decimals = 6);
  Answer& level(double value);  ///< a rating as the data had it, in as few digits as tell it
  void end_row();
  /// To the file or to standard output.
  void write();

 private:
  void begin_field();
  std::string json_string(const std::string& value) const;

  const Asking& asking_;
  std::vector<std::string> columns_;
  std::size_t column_ = 0;
  const bool json_, printable_;
  bool first_ = true;
  std::string text_;
};
