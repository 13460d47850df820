// gcmc sagemaker: the command, and how it serves.
#include "sagemaker.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"
#include "memory.hpp"
#include "sagemaker_folders.hpp"

#ifdef GCMC_WITH_SERVE
#include "serve.hpp"

namespace {

using sagemaker::environment;

/// A whole number from `low` to `high`, where the variable is set.
std::optional<int> number(const std::string& variable, int high, int low = 1) {
  const std::string text = environment(variable);
  if (text.empty()) return {};
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  gcmc::require(*end == '\0' && value >= low && value <= high, variable + "=" + text + ": a whole number from " +
                                                                   std::to_string(low) + " to " + std::to_string(high) +
                                                                   " was expected");
  return static_cast<int>(value);
}

/// true or false in any spelling.
bool is_set(const std::string& variable) {
  const std::string text = serve::in_lower_case(environment(variable));
  return text == "true" || text == "1";
}

}  // namespace

void sagemaker_serve() {
  serve::ServerOptions server;
  serve::SageMaker& sagemaker = server.service.sagemaker.emplace();
  sagemaker.batch = is_set("SAGEMAKER_BATCH");
  sagemaker.memory_left = available_memory;
  if (const std::string type = environment("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"); !type.empty())
    sagemaker.default_accept = type;
  if (!is_set("SAGEMAKER_MULTI_MODEL")) server.models = {{"model", sagemaker::model_folder().string()}};
  server.host = "0.0.0.0";
  server.port = number("SAGEMAKER_BIND_TO_PORT", 65535).value_or(8080);
  server.service.most_pairs = 100000000;
  serve::Limits& limits = server.limits;
  limits.workers = gcmc::Cpu(number("SAGEMAKER_MODEL_SERVER_WORKERS", 4096).value_or(0)).threads();
  sagemaker.transforms = limits.workers;
  limits.connections = 4096;
  limits.queue = 4096;
  limits.memory_bytes = static_cast<std::size_t>(std::min<gcmc::Offset>(available_memory() / 2, gcmc::Offset{4} << 30));
  auto payload = number("SAGEMAKER_MAX_PAYLOAD_IN_MB", 4096, 0);
  if (payload == 0) payload.reset();  // no limit is asked for: bodies come chunked
  if (payload) sagemaker.payload_mb = *payload;
  limits.body_bytes = std::min(limits.memory_bytes, static_cast<std::size_t>(payload.value_or(1024)) << 20);
  if (const auto seconds = number("SAGEMAKER_MODEL_SERVER_TIMEOUT", 86400))
    limits.body_seconds = limits.write_seconds = *seconds;
  serve::run_server(server);
}

#else

void sagemaker_serve() { throw gcmc::InputError("this build cannot serve: install libboost-dev and build gcmc again"); }

#endif

Command add_sagemaker(CLI::App& app, const RunProgram& run_program) {
  CLI::App* command = app.add_subcommand("sagemaker", "Train or serve as a container of Amazon SageMaker");
  command->require_subcommand(1);
  CLI::App* train = command->add_subcommand("train", "Train as the files in /opt/ml/input say")->group("Commands");
  train->footer(
      "Reads input/config/hyperparameters.json (names of the options of gcmc train, with _ for -; search,\n"
      "trials, eta and rungs of gcmc tune), the channels train (or training), test, validation and features\n"
      "in input/data, and resourceconfig.json. Without a channel the set data_name is downloaded. Writes\n"
      "model/, output/data/ and, where it fails, output/failure; goes on from checkpoints/ if that is there.\n"
      "$SAGEMAKER_BASE_DIR takes the place of /opt/ml.");
  CLI::App* serve = command->add_subcommand("serve", "Serve the model in /opt/ml/model")->group("Commands");
  serve->footer(
      "Port 8080, or $SAGEMAKER_BIND_TO_PORT. Routes: GET /ping, POST /invocations, GET /execution-parameters,\n"
      "with SAGEMAKER_MULTI_MODEL=true those of /models, and all of gcmc serve. SAGEMAKER_BATCH=true answers a\n"
      "bad line of CSV by nan. Also read: SAGEMAKER_MODEL_SERVER_WORKERS, SAGEMAKER_MODEL_SERVER_TIMEOUT,\n"
      "SAGEMAKER_MAX_PAYLOAD_IN_MB, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT.\n"
      "$SAGEMAKER_BASE_DIR takes the place of /opt/ml.");
  command->footer(
      "The container's entry point is [\"gcmc\", \"sagemaker\"], to which SageMaker adds train or serve.\n"
      "examples/sagemaker has images, and scripts that start jobs and endpoints.\n\n"
      "Examples:\n"
      "  SAGEMAKER_BASE_DIR=job gcmc sagemaker train\n"
      "  SAGEMAKER_BASE_DIR=job gcmc sagemaker serve");
  return {command, [train, run_program] {
            if (*train)
              sagemaker_train(run_program);
            else
              sagemaker_serve();
          }};
}
