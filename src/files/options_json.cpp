// Options as JSON, and the text files that hold it.
#include <cmath>

#include "gcmc/files/run_folder.hpp"
#include "input_file.hpp"
#include "json.hpp"

namespace gcmc {

using nlohmann::ordered_json;

std::string option_input(const ordered_json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (!value.is_number()) throw InputError(where + " is neither text, a number nor true or false");
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) < 0x1p53) return std::to_string(static_cast<Offset>(number));
  }
  return value.dump();
}

std::string read_text_file(const std::string& path) {
  InputFile file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  require(file.read(text.data(), text.size()), [&] { return path + ": became shorter while it was read"; });
  return text;
}

std::string read_given_file(const std::string& path) {
  constexpr std::size_t most = std::size_t{16} << 20, step = std::size_t{1} << 16;
  InputFile file(path, true);
  std::string text;
  while (text.size() <= most) {
    const std::size_t before = text.size();
    text.resize(before + step);
    const std::size_t count = file.read_most(text.data() + before, step);
    text.resize(before + count);
    if (count < step) return text;
  }
  throw InputError(path + ": more than 16 MiB");
}

ordered_json options_to_json(std::span<const OptionValue> options) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, text, is_text] : options) {
    if (is_text) {
      object[name] = text;
      continue;
    }
    object[name] = ordered_json::parse(text, nullptr, false);
    require(!object[name].is_discarded(),
            [&name = name] { return "option " + name + " is not a finite number: nothing was written"; });
  }
  return object;
}
ordered_json options_to_json(const Options& options) { return options_to_json(option_values(options)); }

void read_options(const ordered_json& object, const std::string& where,
                  const std::function<void(const std::string& name, const std::string& text)>& set) {
  require(object.is_object(), [&] { return where + ": the options are not a JSON object"; });
  for (const auto& [name, value] : object.items()) {
    const std::string text = option_input(value, where + ": option " + name.substr(0, 100));
    try {
      set(name, text);
    } catch (const InputError& problem) {
      throw InputError(where + ": " + problem.what());
    }
  }
}

std::string options_json(std::span<const OptionValue> options) {
  return json_text(options_to_json(options), "options");
}

void read_options_file(const std::string& path,
                       const std::function<void(const std::string& name, const std::string& text)>& set) {
  read_options(parse_json_object<ordered_json>(read_given_file(path), path), path, set);
}

}  // namespace gcmc
