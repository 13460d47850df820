#include "metrics.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace serve {
namespace {

std::string number(double value) {
  std::array<char, 64> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

/// A label's value in its quotes.
std::string quoted(const std::string& value) {
  std::string text = "\"";
  for (const char c : value)
    if (c == '\n')
      text += "\\n";
    else
      text += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return text + '"';
}

void head(std::string& text, const char* name, const char* type, const char* help) {
  text += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
}
void sample(std::string& text, const std::string& series, double value) { text += series + ' ' + number(value) + '\n'; }

void single(std::string& text, const char* name, const char* type, const char* help, double value) {
  head(text, name, type, help);
  sample(text, name, value);
}

/// What /proc says of this process: seconds of CPU, bytes, open files, when it began.
void process(std::string& text) {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK)), page = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::size_t begin = line.rfind(')');  // behind the name, which may hold anything, fields are numbers
  if (begin == std::string::npos) return;
  std::vector<double> fields;
  const char *at = line.data() + std::min(begin + 4, line.size()), *end = line.data() + line.size();
  for (double value = 0; at < end;) {
    const auto read = std::from_chars(at, end, value);
    if (read.ec != std::errc{}) break;
    fields.push_back(value);
    at = read.ptr + 1;
  }
  if (fields.size() < 21) return;
  double boot = 0;
  std::ifstream machine("/proc/stat");
  while (std::getline(machine, line))
    if (line.starts_with("btime ")) boot = std::stod(line.substr(6));
  std::error_code none;
  std::filesystem::directory_iterator files("/proc/self/fd", none), last;
  single(text, "process_cpu_seconds_total", "counter", "User and system time.", (fields[10] + fields[11]) / ticks);
  single(text, "process_virtual_memory_bytes", "gauge", "Memory that is mapped.", fields[19]);
  single(text, "process_resident_memory_bytes", "gauge", "Memory that is there.", fields[20] * page);
  single(text, "process_open_fds", "gauge", "Open file descriptors.", static_cast<double>(std::distance(files, last)));
  single(text, "process_start_time_seconds", "gauge", "When it began, since 1970.", boot + fields[18] / ticks);
}

void models(std::string& text, const Models& models) {
  std::string info, loaded, bytes;
  for (const ModelStatus& status : models.statuses()) {
    if (!status.model) continue;
    const LiveModel& model = *status.model;
    const std::string label = "{model=" + quoted(model.name);
    const std::chrono::duration<double> since = model.loaded.time_since_epoch();
    sample(info,
           "gcmc_model_info" + label + ",dataset=" + quoted(model.saved().dataset) +
               ",version=" + quoted(std::to_string(model.version)) + ",sha256=" + quoted(model.sha256) + '}',
           1);
    sample(loaded, "gcmc_model_loaded_timestamp_seconds" + label + '}', since.count());
    sample(bytes, "gcmc_model_memory_bytes" + label + '}', static_cast<double>(model.bytes));
  }
  head(text, "gcmc_model_info", "gauge", "The models that answer.");
  text += info;
  head(text, "gcmc_model_loaded_timestamp_seconds", "gauge", "When each was loaded, since 1970.");
  text += loaded;
  head(text, "gcmc_model_memory_bytes", "gauge", "Its tensors and ids.");
  text += bytes;
}

}  // namespace

void Metrics::count(const Exchange& exchange) {
  ++requests_[{exchange.method, exchange.route, exchange.status}];
  Histogram& histogram = seconds_[exchange.route];
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), exchange.seconds) - bounds.begin();
  ++histogram.counts[static_cast<std::size_t>(bound)];
  histogram.sum += exchange.seconds;
}

std::string Metrics::text(const Models& loaded, std::size_t in_flight) const {
  std::string text;
  head(text, "gcmc_http_requests_total", "counter", "Requests; code 0: the connection broke before an answer.");
  for (const auto& [labels, count] : requests_) {
    const auto& [method, route, code] = labels;
    sample(text,
           "gcmc_http_requests_total{method=" + quoted(method) + ",route=" + quoted(route) + ",code=\"" +
               std::to_string(code) + "\"}",
           static_cast<double>(count));
  }
  head(text, "gcmc_http_request_duration_seconds", "histogram", "From a request's head to the end of its answer.");
  for (const auto& [route, histogram] : seconds_) {
    const std::string name = "gcmc_http_request_duration_seconds", label = "{route=" + quoted(route);
    std::uint64_t below = 0;
    for (std::size_t k = 0; k < histogram.counts.size(); ++k) {
      below += histogram.counts[k];
      sample(text, name + "_bucket" + label + ",le=\"" + (k < bounds.size() ? number(bounds[k]) : "+Inf") + "\"}",
             static_cast<double>(below));
    }
    sample(text, name + "_sum" + label + '}', histogram.sum);
    sample(text, name + "_count" + label + '}', static_cast<double>(below));
  }
  single(text, "gcmc_http_requests_in_flight", "gauge", "Requests that workers have or wait for.",
         static_cast<double>(in_flight));
  single(text, "gcmc_pairs_predicted_total", "counter", "Pairs that were rated.", static_cast<double>(pairs));
  head(text, "gcmc_unknown_ids_total", "counter", "Ids asked for that the model does not have.");
  sample(text, "gcmc_unknown_ids_total{kind=\"user\"}", static_cast<double>(unknown_users));
  sample(text, "gcmc_unknown_ids_total{kind=\"item\"}", static_cast<double>(unknown_items));
  models(text, loaded);
  process(text);
  return text;
}

}  // namespace serve
