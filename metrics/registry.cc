#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>

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

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
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

std::string Registry::text() {
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.").set(resident_bytes());
  gauge("process_open_fds", "Number of open file descriptors.").set(open_descriptors());
  static const double start = static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.").set(start);
  // A counter by nature, set as a whole from what the kernel has counted.
  const std::lock_guard lock(state_->text_mutex);
  double& told = state_->cpu_told;
  auto& cpu = counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  const double now = cpu_seconds();
  cpu.add(now - told);
  told = now;
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace slipway::metrics
