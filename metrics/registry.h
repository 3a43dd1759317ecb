#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Registry;
}

namespace slipway::metrics {

using Labels = std::map<std::string, std::string>;

/// A number that only grows.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double by = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

/// Upper bounds in base units.
using Buckets = std::vector<double>;
const Buckets& seconds_fine();    ///< 0.5 ms … 30 s: calls and passes
const Buckets& seconds_coarse();  ///< 10 ms … 6 h: queueing and running
const Buckets& bytes_coarse();    ///< 1 MiB … 64 GiB

/// What is told as a whole, such as totals read from a database: a counter here may have been counted by
/// others.
struct Sample {
  Labels labels;
  double value = 0;
};
struct Family {
  std::string name;
  std::string help;
  bool counter = false;  ///< else a gauge
  std::vector<Sample> samples;
};

/// The process's metrics. Asking twice for the same name and labels gives the same object; references live as
/// long as the registry. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const Buckets& buckets,
                       const Labels& labels = {});
  /// Replaces what was published before; nothing: it is not told any more.
  void publish(std::vector<Family> families);
  /// The text exposition format 0.0.4, the process's own figures (memory, CPU, descriptors, start) included.
  std::string text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::metrics
