// The documents say what is so: the README's program and the guide's tables of options and tensors.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "../examples/trainer/program_options.hpp"
#include "catch.hpp"
#include "gcmc/backend/operation_list.hpp"
#include "gcmc/layers/model_layers.hpp"

namespace {

std::string text_of(const std::string& name) {
  const char* data = std::getenv("GCMC_TEST_DATA");
  const std::filesystem::path root = std::filesystem::path(data ? data : "tests/data") / ".." / "..";
  std::ifstream file(root / name, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string between(const std::string& text, const std::string& opening, const std::string& closing) {
  const auto begin = text.find(opening);
  REQUIRE(begin != text.npos);
  const auto end = text.find(closing, begin + opening.size());
  REQUIRE(end != text.npos);
  return text.substr(begin + opening.size(), end - begin - opening.size());
}

/// Markdown, a table a group: option, default, help.
std::string option_tables() {
  std::string text, group;
  const auto add = [&](const gcmc::OptionRow& row, const auto& field) {
    const std::string of(row.group), name(row.name);
    if (of != group) text += "\n" + of + "\n\n| option | default | |\n|---|---|---|\n";
    group = of;
    text += "| `" + name + "` | " + gcmc::OptionText(row).write(field) + " | ";
    for (const char c : row.help) text += c == '|' ? "\\|" : std::string(1, c);
    text += " |\n";
  };
  const Settings defaults;
  for_each_option(defaults.options, add);
  for_each_option(defaults.program, add);
  return text + "\n";
}

using Shapes = std::map<std::string, std::string>;

/// Every parameter that a model can have, with its shape in the guide's letters. All sizes differ.
Shapes parameter_shapes() {
  using namespace gcmc;
  const std::map<Offset, std::string> letters = {
      {101, "U"}, {103, "I"},    {5, "R"},        {6, "K"},        {8, "width"},    {48, "H"},      {17, "D"},
      {2, "B"},   {19, "units"}, {11, "columns"}, {13, "columns"}, {23, "columns"}, {29, "columns"}};
  Shapes shapes;
  for (const bool with_features : {true, false}) {
    ModelOptions options{.aggregation = Aggregation::stack,
                         .units = 50,
                         .output = 17,
                         .bases = 2,
                         .implicit = true,
                         .feature_units = 19};
    options.share_dense = !with_features;
    ModelSizes sizes{.nodes = {101, 103}, .levels = 5};
    if (with_features) sizes.feature_columns = {11, 13};
    if (with_features) sizes.sparse_columns = {23, 29};
    for (const ParameterPiece& piece : ModelLayers(options, sizes).pieces()) {
      std::string& shape = shapes[piece.name];
      shape.clear();
      for (const Offset extent : piece.shape()) shape += (shape.empty() ? "" : " x ") + letters.at(extent);
    }
  }
  return shapes;
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto end = text.find(by); end != text.npos; end = text.find(by, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + by.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

/// The guide's table of tensors: names and shapes of a row are lists; one shape is that of all its names.
Shapes guide_shapes() {
  Shapes shapes;
  for (const std::string& row :
       split(between(text_of("docs/guide.md"), "| tensor | shape | |\n|---|---|---|\n", "\n\n"), "\n")) {
    const std::vector<std::string> cells = split(row.substr(2), " | ");
    REQUIRE(cells.size() >= 2);
    const std::vector<std::string> names = split(cells[0], ", "), of_names = split(cells[1], ", ");
    INFO(row);
    REQUIRE((of_names.size() == 1 || of_names.size() == names.size()));
    for (std::size_t k = 0; k < names.size(); ++k) shapes[names[k]] = of_names[of_names.size() == 1 ? 0 : k];
  }
  return shapes;
}

}  // namespace

TEST_CASE("the README's program is examples/quickstart.cpp", "[documents]") {
  REQUIRE(between(text_of("README.md"), "```cpp\n", "```\n") == text_of("examples/quickstart.cpp"));
}

TEST_CASE("the guide's table of options is that of the program", "[documents]") {
  REQUIRE(between(text_of("docs/guide.md"), "<!-- options -->\n", "<!-- options end -->\n") == option_tables());
}

TEST_CASE("the guide's table of tensors has the model's parameters, each in its shape, and no other", "[documents]") {
  Shapes guide = guide_shapes();
  const Shapes parameters = parameter_shapes();
  CHECK(parameters.size() == 18);
  for (const auto& [name, shape] : parameters) {
    INFO(name);
    CHECK(guide[name] == shape);
    guide.erase(name);
  }
  for (const auto& [name, shape] : guide)
    for (const char* layer : {"encoder.", "dense.", "features.", "decoder."}) CHECK_FALSE(name.starts_with(layer));
}

TEST_CASE("docs/backends.md has every operation of the list in its table", "[documents]") {
  const std::string table = between(text_of("docs/backends.md"), "| operation | element types | used by |", "\n\n");
#define GCMC_CHECK(Struct, kernel) CHECK(table.find("`" #Struct "`") != std::string::npos);
  GCMC_INDEX_OPERATIONS(GCMC_CHECK)
  GCMC_OPERATIONS(GCMC_CHECK)
#undef GCMC_CHECK
}
