// The safetensors format: bytes as its description has them, values back bit for bit, and a message for every fault.
#include <cstring>
#include <limits>

#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

/// A file from its parts, as the format's description joins them.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

/// The message of reading `bytes`, empty if they load.
std::string error_of(const std::string& bytes) {
  const ScratchFolder folder;
  const std::string path = folder / "some.safetensors";
  write_bytes(path, bytes);
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find(path) == 0);
    CHECK(message.find('\n') == message.npos);
    return message.substr(path.size());
  }
  return "";
}

/// One tensor "a" described by `description`, then `data`.
std::string error_of_tensor(const std::string& description, const std::string& data) {
  return error_of(file_of("{\"a\":{" + description + "}}", data));
}

template <class T>
std::vector<T> awkward() {
  using Limits = std::numeric_limits<T>;
  return {T(0), -T(0), T(1) / T(3), Limits::denorm_min(), Limits::min(), -Limits::max(), Limits::max(), T(-2.5)};
}

template <class T>
bool same_bits(const Tensor& tensor, const std::vector<T>& values) {
  const auto& read = std::get<std::vector<T>>(tensor.values);
  return read.size() == values.size() && std::memcmp(read.data(), values.data(), sizeof(T) * values.size()) == 0;
}

const std::string four(4, '\1'), eight(8, '\1');

}  // namespace

TEST_CASE("every value comes back bit for bit in each type and shape", "[safetensors]") {
  const ScratchFolder folder;
  const std::map<std::string, Tensor> tensors = {
      {"floats", {{2, 2, 2}, awkward<float>()}},
      {"doubles", {{8}, awkward<double>()}},
      {"ints", {{1, 2}, std::vector<Index>{std::numeric_limits<Index>::min(), 7}}},
      {"longs", {{2, 1}, std::vector<Offset>{std::numeric_limits<Offset>::min(), -1}}},
      {"bytes", {{3}, std::vector<Level>{0, 255, 128}}},
      {"scalar", {{}, std::vector<float>{1.5f}}},
      {"nothing", {{3, 0, 2}, std::vector<double>{}}},
      {"\"quoted\" \xC3\xA9", {{1}, std::vector<Level>{1}}},
  };
  const std::string path = folder / "some.safetensors";
  write_safetensors(path, tensors, {{"format", "test"}});
  const auto read = read_safetensors(path);
  CHECK(read == tensors);
  CHECK(same_bits(read.at("floats"), awkward<float>()));
  CHECK(same_bits(read.at("doubles"), awkward<double>()));
}

TEST_CASE("the bytes of a small file are those of the format's description", "[safetensors]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.safetensors";
  write_safetensors(path, {{"a", {{2}, std::vector<Level>{7, 8}}}, {"b", {{1}, std::vector<float>{1.0f}}}});
  std::string header =
      R"({"a":{"data_offsets":[4,6],"dtype":"U8","shape":[2]},"b":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}})";
  header.resize(120, ' ');
  CHECK(read_bytes(path) == file_of(header, std::string("\0\0\x80\x3F\7\10", 6)));
}

TEST_CASE("unwanted tensors come with shape and type alone, and take no memory", "[safetensors]") {
  const ScratchFolder folder;
  const std::map<std::string, Tensor> tensors = {{"a", {{2}, std::vector<double>{1, 2}}},
                                                 {"b", {{2, 1}, std::vector<float>{3, 4}}},
                                                 {"c", {{1}, std::vector<Level>{5}}}};
  write_safetensors(folder / "some", tensors);
  for (const std::string wanted : {"a", "b", "c", "none"}) {
    const auto read = read_safetensors(folder / "some", [&](const std::string& name) { return name == wanted; });
    REQUIRE(read.size() == 3);
    for (const auto& [name, tensor] : read) {
      CHECK(tensor.shape == tensors.at(name).shape);
      CHECK(tensor.values.index() == tensors.at(name).values.index());
      if (name == wanted)
        CHECK(tensor == tensors.at(name));
      else
        CHECK(std::visit([](const auto& values) { return values.capacity(); }, tensor.values) == 0);
    }
  }
}

TEST_CASE("no tensors make a file that reads as no tensors", "[safetensors]") {
  const ScratchFolder folder;
  write_safetensors(folder / "none", {});
  CHECK(read_safetensors(folder / "none").empty());
}

TEST_CASE("a file of another writer loads: any order of names, no padding, metadata", "[safetensors]") {
  const ScratchFolder folder;
  const std::string header = R"({"b":{"dtype":"U8","shape":[],"data_offsets":[4,5]},"__metadata__":{"x":"y"},)"
                             R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  write_bytes(folder / "other", file_of(header, std::string("\0\0\x80\x3F\7", 5)));
  const auto tensors = read_safetensors(folder / "other");
  CHECK(tensors.at("a") == Tensor{{1}, std::vector<float>{1.0f}});
  CHECK(tensors.at("b") == Tensor{{}, std::vector<Level>{7}});
}

TEST_CASE("a file that is not there, a folder and an empty file are refused", "[safetensors]") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(read_safetensors(folder / "missing"), InputError);
  CHECK_THROWS_AS(read_safetensors(folder / "."), InputError);
  CHECK(error_of("").find("not a safetensors file") != std::string::npos);
  CHECK(error_of("1234567").find("not a safetensors file") != std::string::npos);
}

TEST_CASE("a file cut anywhere is refused", "[safetensors]") {
  const ScratchFolder folder;
  write_safetensors(folder / "whole",
                    {{"a", {{3}, std::vector<double>{1, 2, 3}}}, {"b", {{1}, std::vector<Level>{1}}}});
  const std::string whole = read_bytes(folder / "whole");
  REQUIRE(error_of(whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(error_of(whole.substr(0, size)).empty());
}

TEST_CASE("a header longer than the file or the format allows is refused before memory is taken", "[safetensors]") {
  CHECK(error_of(std::string(8, '\xFF') + "{}").find("18446744073709551615") != std::string::npos);
  CHECK(error_of(std::string("\3\0\0\0\0\0\0\0{}", 10)).find("at most 2 are possible") != std::string::npos);
  const ScratchFolder folder;
  write_bytes(folder / "sparse", std::string("\0\0\0\0\1\0\0\0{}", 10));
  std::filesystem::resize_file(folder / "sparse", std::uintmax_t{5} << 30);
  std::string message;
  try {
    read_safetensors(folder / "sparse");
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(message.find("at most 100000000 are possible") != message.npos);
}

TEST_CASE("a header that is not an object of tensors is refused", "[safetensors]") {
  CHECK(error_of(file_of("", "")).find("does not begin with {") != std::string::npos);
  CHECK(error_of(file_of("[]", "")).find("does not begin with {") != std::string::npos);
  CHECK(error_of(file_of("{\"a\":", "")).find("not valid JSON") != std::string::npos);
  CHECK(error_of(file_of("{} x", "")).find("not valid JSON") != std::string::npos);
  CHECK(error_of(file_of("{\"\xFF\":1}", "")).find("not valid JSON") != std::string::npos);
  CHECK(error_of(file_of("{\"a\":1}", "")).find("\"a\" is not described by") != std::string::npos);
  CHECK(error_of(file_of("{\"__metadata__\":{\"a\":1}}", "")).find("__metadata__") != std::string::npos);
  const std::string deep = "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  CHECK(error_of(file_of(deep, "")).find("nested deeper") != std::string::npos);
}

TEST_CASE("a name given twice is refused", "[safetensors]") {
  const std::string tensor = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  CHECK(error_of(file_of("{" + tensor + "," + tensor + "}", "1")).find("\"a\" is given twice") != std::string::npos);
  CHECK(error_of_tensor(R"("dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1])", "1").find("given twice") !=
        std::string::npos);
}

TEST_CASE("a wrong dtype is refused", "[safetensors]") {
  CHECK(error_of_tensor(R"("dtype":"F16","shape":[2],"data_offsets":[0,4])", four).find("\"F16\" is not one of") !=
        std::string::npos);
  CHECK(error_of_tensor(R"("dtype":1,"shape":[1],"data_offsets":[0,4])", four).find("dtype") != std::string::npos);
  CHECK(error_of_tensor(R"("shape":[1],"data_offsets":[0,4])", four).find("dtype") != std::string::npos);
}

TEST_CASE("a shape that disagrees with its offsets is refused with both sizes", "[safetensors]") {
  CHECK(error_of_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", four)
            .find("take 8 bytes but its offsets 4") != std::string::npos);
  for (const std::string shape : {"[1.0]", "[-1]", "1", "[\"1\"]", "[9223372036854775808]", "[1e400]", "null"})
    CHECK_FALSE(error_of_tensor(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,4])", four).empty());
  CHECK(error_of_tensor(R"("dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,0])", "").find("2^63") !=
        std::string::npos);
}

TEST_CASE("what a tensor's description does not have is refused where it stands", "[safetensors]") {
  const auto holds = [](const std::string& description, const std::string& part) {
    INFO(description);
    CHECK(error_of_tensor(description, four).find(": tensor \"a\": " + part) != std::string::npos);
  };
  const std::string type = R"("dtype":"F32",)", shape = R"("shape":[1],)", offsets = R"("data_offsets":[0,4])";
  CHECK(error_of_tensor(type + shape + offsets, four).empty());
  holds(R"("strides":[1],)" + type + shape + offsets, "\"strides\" is not one of dtype, shape, data_offsets");
  holds(type + shape + R"("data_offsets":{"begin":0})", "\"data_offsets\" is not an array");
  holds(type + shape + R"("data_offsets":[0,[4]])", "\"data_offsets\" holds something that is not a whole number");
  holds(type + R"("shape":[{}],)" + offsets, "\"shape\" holds something that is not a whole number");
  holds(R"("dtype":["F32"],)" + shape + offsets, "\"dtype\" is not text");
  holds(R"("dtype":null,)" + shape + offsets, "\"dtype\" is not text");
  holds(type + offsets, "\"shape\" is not an array");
  holds(shape + offsets, "\"dtype\" is not text");
  holds(type + R"("shape":[1])", "\"data_offsets\" is not an array");
  const auto ones = [](int count) {
    std::string text = R"("shape":[1)";
    for (int k = 1; k < count; ++k) text += ",1";
    return text + "],";
  };
  CHECK(error_of_tensor(type + ones(16) + offsets, four).empty());
  holds(type + ones(17) + offsets, "\"shape\" has more than 16 numbers");
  for (const std::string value : {"0", "null", "true", "\"x\"", "-1", "1.5", "[]"})
    CHECK(error_of(file_of("{\"a\":" + value + "}", "")).find("tensor \"a\" is not described by") != std::string::npos);
  for (const std::string value : {"[]", "0", R"({"x":{}})", R"({"x":["y"]})", R"({"x":null})"})
    CHECK(error_of(file_of("{\"__metadata__\":" + value + "}", "")).find("is not an object of texts") !=
          std::string::npos);
}

TEST_CASE("offsets that overlap, leave a gap, run backwards or past the end are refused", "[safetensors]") {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}";
  };
  CHECK(error_of(file_of(two("[0,4]", "[4,8]"), eight)).empty());
  CHECK(error_of(file_of(two("[0,4]", "[2,6]"), eight)).find("\"b\" begins at byte 2") != std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[0,4]"), four)).find("begins at byte 0") != std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[5,9]"), eight + "1")).find("\"b\" begins at byte 5") != std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[8,4]"), eight)).find("not a begin and an end") != std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[4]"), eight)).find("not a begin and an end") != std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[4,8]"), four)).find("describes 8 bytes of data, the file has 4") !=
        std::string::npos);
  CHECK(error_of(file_of(two("[0,4]", "[4,8]"), eight + "1")).find("the file has 9 (bytes too many)") !=
        std::string::npos);
}

TEST_CASE("tensors that cannot be written are refused and leave no file", "[safetensors]") {
  const ScratchFolder folder;
  const Tensor one{{1}, std::vector<float>{1}};
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"a", {{2}, std::vector<float>{1}}}}), Error);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"a", {{-1, -1}, std::vector<float>{1}}}}), Error);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"__metadata__", one}}), Error);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"\xFF", one}}), Error);
  CHECK_THROWS_AS(write_safetensors(folder / "no folder/x", {{"a", one}}), Error);
  CHECK(std::filesystem::is_empty(folder / "."));
}
