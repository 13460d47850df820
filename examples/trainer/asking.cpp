#include "asking.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/options/option_names.hpp"

namespace {

using gcmc::Index;

Index known(Index number, const std::string& id, const char* side, const std::vector<std::string>& ids) {
  gcmc::require(number >= 0, [&] {
    return std::string(side) + " '" + gcmc::printable(id, 40) + "' is not in the model, whose ids are in " + side +
           "s.txt" + (ids.empty() ? "" : ": '" + gcmc::printable(ids.front(), 40) + "', for instance");
  });
  return number;
}

}  // namespace

void add_threads(CLI::App& command, int& threads) {
  const gcmc::Options defaults;
  gcmc::with_option(defaults, "threads", [&](const gcmc::OptionRow& row, const auto&) {
    command.add_option("--threads", threads, "CPU threads; 0: all cores")
        ->capture_default_str()
        ->check(CLI::Range(static_cast<int>(row.range.low), static_cast<int>(row.range.high)).description(""));
  });
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  std::string name;
  for (const std::string& word : words) name += (name.empty() ? "" : " ") + word;
  return CLI::IsMember(words).description("").name(name);
}

void add_asking(CLI::App& command, Asking& asking) {
  command.add_option("--model", asking.model, "folder of the run or its model/")->required()->type_name("DIR");
  command.add_option("--output", asking.output, "file to write; default: standard output")->type_name("FILE");
  command.add_option("--format", asking.format, "csv, or json: a list with an object a row")
      ->capture_default_str()
      ->check(one_of({"csv", "json"}));
  add_threads(command, asking.threads);
}

gcmc::Predictor load_predictor(const Asking& asking, Parts parts,
                               const std::optional<std::vector<std::string>>& raters) {
  const gcmc::TensorFilter wanted = parts == Parts::answers ? gcmc::TensorFilter(gcmc::Predictor::reads) : nullptr;
  return gcmc::Predictor(gcmc::load_models(asking.model, wanted, raters), asking.threads);
}

Index find_user(const gcmc::Predictor& predictor, const std::string& id) {
  return known(predictor.user_index(id), id, "user", predictor.model().user_ids);
}
Index find_item(const gcmc::Predictor& predictor, const std::string& id) {
  return known(predictor.item_index(id), id, "item", predictor.model().item_ids);
}

std::string number(double value, int decimals) {
  std::string text;
  gcmc::append_fixed(text, value, decimals);
  return text;
}

Answer::Answer(const Asking& asking, std::vector<std::string> columns)
    : asking_(asking),
      columns_(std::move(columns)),
      json_(asking.json()),
      printable_(asking.output.empty() && isatty(STDOUT_FILENO)) {
  if (asking.json()) {
    text_ = "[";
    return;
  }
  for (const std::string& column : columns_) {
    if (&column != &columns_.front()) text_ += ',';
    gcmc::append_csv_field(text_, column);
  }
  text_ += "\n";
}

Answer& Answer::text(const std::string& value) {
  begin_field();
  if (json_)
    text_ += json_string(value);
  else if (printable_)
    gcmc::append_csv_field(text_, gcmc::printable(value));
  else
    gcmc::append_csv_field(text_, value);
  return *this;
}
Answer& Answer::number(double value, int decimals) {
  begin_field();
  gcmc::append_fixed(text_, value, decimals);
  return *this;
}

void Answer::begin_field() {
  if (json_) {
    text_ += column_ > 0 ? ", " : first_ ? "\n  {" : ",\n  {";
    text_ += json_string(columns_[column_]) + ": ";
  } else if (column_ > 0) {
    text_ += ',';
  }
  ++column_;
}

std::string Answer::json_string(const std::string& value) const {
  constexpr auto replace = nlohmann::json::error_handler_t::replace;  // of bytes that are no UTF-8
  return nlohmann::json(value).dump(-1, ' ', printable_, replace);
}

Answer& Answer::level(double value) {
  begin_field();
  text_ += gcmc::level_name(value);
  return *this;
}

void Answer::end_row() {
  text_ += json_ ? "}" : "\n";
  column_ = 0;
  first_ = false;
}

void Answer::write() {
  if (json_) text_ += first_ ? "]\n" : "\n]\n";
  if (asking_.output.empty())
    std::fwrite(text_.data(), 1, text_.size(), stdout);
  else
    gcmc::write_output(asking_.output, text_);
}
