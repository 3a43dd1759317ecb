#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>

namespace slipway::metrics {
namespace {

class CounterOf : public Counter {
 public:
  explicit CounterOf(prometheus::Counter& counter) : counter_(counter) {}
  void add(double by) override { counter_.Increment(by); }

 private:
  prometheus::Counter& counter_;
};
class GaugeOf : public Gauge {
 public:
  explicit GaugeOf(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};
class HistogramOf : public Histogram {
 public:
  explicit HistogramOf(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& tv) {
    return static_cast<double>(tv.tv_sec) + static_cast<double>(tv.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Of /proc/self/stat, by its number in proc(5), after the name that may hold anything.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return std::strtod(field.c_str(), nullptr);
}

double boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string key; stat >> key; std::getline(stat, key)) {
    double seconds = 0;
    if (key == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

double start_time() {
  static const double start = boot_time() + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return start;
}

double most_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

prometheus::MetricFamily collected(const Family& family) {
  prometheus::MetricFamily out{
      family.name,
      family.help,
      family.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
      {}};
  for (const auto& sample : family.samples) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    (family.counter ? metric.counter.value : metric.gauge.value) = sample.value;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

const Buckets& seconds_fine() {
  static const Buckets buckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                  0.25,   0.5,   1,      2.5,   5,    10,    30};
  return buckets;
}
const Buckets& seconds_coarse() {
  static const Buckets buckets = {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600};
  return buckets;
}
const Buckets& bytes_coarse() {
  static const Buckets buckets = [] {
    Buckets powers;
    for (double bytes = 1 << 20; bytes <= 64.0 * (1 << 30); bytes *= 4) powers.push_back(bytes);
    return powers;
  }();
  return buckets;
}

struct Registry::State {
  std::mutex mutex;
  std::mutex text_mutex;
  double cpu_told = 0;
  prometheus::Registry registry;
  std::vector<Family> published;
  std::map<std::string, prometheus::Family<prometheus::Counter>*> counter_families;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauge_families;
  std::map<std::string, prometheus::Family<prometheus::Histogram>*> histogram_families;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Counter>> counters;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Gauge>> gauges;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Histogram>> histograms;
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto& made = state_->counters[{name, labels}];
  if (!made) {
    auto& family = state_->counter_families[name];
    if (!family) family = &prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry);
    made = std::make_unique<CounterOf>(family->Add(labels));
  }
  return *made;
}

Gauge& Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto& made = state_->gauges[{name, labels}];
  if (!made) {
    auto& family = state_->gauge_families[name];
    if (!family) family = &prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry);
    made = std::make_unique<GaugeOf>(family->Add(labels));
  }
  return *made;
}

Histogram& Registry::histogram(const std::string& name, const std::string& help, const Buckets& buckets,
                               const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto& made = state_->histograms[{name, labels}];
  if (!made) {
    auto& family = state_->histogram_families[name];
    if (!family) family = &prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry);
    made = std::make_unique<HistogramOf>(family->Add(labels, buckets));
  }
  return *made;
}

void Registry::publish(std::vector<Family> families) {
  const std::lock_guard lock(state_->mutex);
  state_->published = std::move(families);
}

std::string Registry::text() {
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.").set(resident_bytes());
  gauge("process_open_fds", "Number of open file descriptors.").set(open_descriptors());
  gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.").set(stat_field(23));
  gauge("process_max_fds", "Maximum number of open file descriptors.").set(most_descriptors());
  gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.")
      .set(start_time());
  // A counter by nature, set as a whole from what the kernel has counted.
  const std::lock_guard lock(state_->text_mutex);
  double& told = state_->cpu_told;
  auto& cpu = counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  const double now = cpu_seconds();
  cpu.add(now - told);
  told = now;
  auto all = state_->registry.Collect();
  {
    const std::lock_guard published(state_->mutex);
    for (const auto& family : state_->published) all.push_back(collected(family));
  }
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace slipway::metrics
