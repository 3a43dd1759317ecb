#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace slipway::test {

/// Runs a shell line; throws with its output unless it ends with 0. The answer is what it printed.
std::string sh(const std::string& line);

/// The packages as CPack makes them of this build tree, under the version given, in a directory of their own.
class Packages {
 public:
  explicit Packages(const std::string& version);
  ~Packages();
  Packages(const Packages&) = delete;
  Packages& operator=(const Packages&) = delete;

  const std::filesystem::path& dir() const { return dir_; }

 private:
  std::filesystem::path dir_;
};

/// A Debian 12 with nothing but what debootstrap's smallest variant has. Made once a build tree, then
/// unpacked.
class CleanRoot {
 public:
  CleanRoot();
  ~CleanRoot();
  CleanRoot(const CleanRoot&) = delete;
  CleanRoot& operator=(const CleanRoot&) = delete;

  const std::filesystem::path& dir() const { return dir_; }
  /// A shell line inside, with /proc of its own.
  std::string run(const std::string& line) const;
  /// apt installs both packages, with what they depend on.
  void install(const Packages& packages) const;

 private:
  std::filesystem::path dir_;
};

}  // namespace slipway::test
